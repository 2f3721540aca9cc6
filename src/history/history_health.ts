import { StoreFailure } from "./history_store.ts";

/** Whether the history can be written and read. */
export type HistoryState = "up" | StoreFailure["kind"];

/** What the history's store has last answered, to whoever asked it; each change is told once. */
export class HistoryHealth {
  readonly #onChange: (state: HistoryState, detail: string) => void;
  #writeFailure: StoreFailure | undefined;
  #readFailure: StoreFailure | undefined;
  #told: HistoryState | undefined;

  constructor(onChange: (state: HistoryState, detail: string) => void) {
    this.#onChange = onChange;
  }

  get state(): HistoryState {
    return (this.#writeFailure ?? this.#readFailure)?.kind ?? "up";
  }

  /** Nothing answers: a read would only wait for its time-out. */
  get isDown(): boolean {
    return this.#writeFailure?.kind === "down" || this.#readFailure?.kind === "down";
  }

  /** The store answers; whether it also does what it is asked is not known yet. */
  answered(): void {
    if (this.#writeFailure?.kind === "down") this.#writeFailure = undefined;
    if (this.#readFailure?.kind === "down") this.#readFailure = undefined;
  }

  wrote(): void {
    this.#writeFailure = undefined;
    this.#tell("it answers");
  }

  read(): void {
    this.#readFailure = undefined;
    this.#tell("it answers");
  }

  failed(verb: "write" | "read", error: unknown): void {
    const failure = error instanceof StoreFailure ? error : new StoreFailure("refused", String(error));
    if (verb === "write") this.#writeFailure = failure;
    else this.#readFailure = failure;
    this.#tell(failure.message);
  }

  #tell(detail: string): void {
    const { state } = this;
    if (state === this.#told) return;
    this.#told = state;
    this.#onChange(state, detail);
  }
}
