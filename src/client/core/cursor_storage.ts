/** Where a cursor is kept; `localStorage` and `sessionStorage` are two. What throws is taken for empty. */
export interface CursorStorage {
  /** What was kept under the key; `null` for nothing. */
  getItem(key: string): string | null;
  /** Keeps the value, in the place of an older one. */
  setItem(key: string, value: string): void;
}

/** The cursor of one client, in memory and, where it works, in storage: private windows and full disks throw. */
export class StoredCursor {
  readonly #key: string;
  readonly #open: () => CursorStorage | undefined;
  #cursor: string | undefined;

  constructor(storage: "session" | "local" | "memory" | CursorStorage, key: string) {
    this.#key = key;
    // The mere look at `localStorage` throws where storage is forbidden. There is no `memoryStorage`.
    this.#open = () => typeof storage === "object" ? storage : Reflect.get(globalThis, `${storage}Storage`);
    try {
      this.#cursor = this.#open()?.getItem(key) || undefined;
    } catch { /* as if there were none */ }
  }

  get value(): string | undefined {
    return this.#cursor;
  }

  /** An empty text changes nothing: a cursor is never lost. */
  set(cursor: string): void {
    if (!cursor || cursor === this.#cursor) return;
    this.#cursor = cursor;
    try {
      this.#open()?.setItem(this.#key, cursor);
    } catch { /* the one in memory is enough until a reload */ }
  }
}
