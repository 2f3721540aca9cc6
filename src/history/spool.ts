import { Deque } from "../replay/deque.ts";
import type { Offset } from "../model/position.ts";
import type { KeyedEntry } from "./history_store.ts";

/** What each frame costs besides its bytes, and so does the entry itself. */
const FRAME_OVERHEAD_BYTES = 300;

/** The largest batch: one round trip's worth, and little enough to encode in one turn. */
const BATCH_ENTRIES = 256;
const BATCH_BYTES = 1024 * 1024;

/**
 * What is to be written, oldest first, bounded in bytes. Over its limit the oldest go: the next entry then begins behind
 * them, so that whoever reads the history meets a break there.
 */
export class Spool {
  readonly #maxBytes: number;
  readonly #onDropped: () => void;
  #waiting = new Deque<KeyedEntry>();
  /** Taken and not confirmed. */
  #batch: readonly KeyedEntry[] = [];
  #bytes = 0;

  /** @param onDropped told of each entry that will not be written */
  constructor(maxBytes: number, onDropped: () => void) {
    this.#maxBytes = maxBytes;
    this.#onDropped = onDropped;
  }

  get entryCount(): number {
    return this.#batch.length + this.#waiting.length;
  }

  get byteCount(): number {
    return this.#bytes;
  }

  /** When the oldest entry was taken in: milliseconds since 1970; `undefined` when all is written. */
  get oldestAtMs(): number | undefined {
    return (this.#batch[0] ?? this.#waiting.at(0))?.entry.atMs;
  }

  /** Whether the next batch would not be larger for waiting. */
  get hasFullBatch(): boolean {
    return this.#waiting.length >= BATCH_ENTRIES || this.#bytes >= BATCH_BYTES;
  }

  push(entry: KeyedEntry): void {
    this.#waiting.push(entry);
    this.#bytes += sizeOf(entry);
    while (this.#bytes > this.#maxBytes) {
      // What is on its way is not taken back; a newer one goes instead.
      const oldest = this.#waiting.shift();
      if (oldest === undefined) return;
      this.#bytes -= sizeOf(oldest);
      this.#onDropped();
    }
  }

  /** The next batch, the same again until it is confirmed. */
  take(): readonly KeyedEntry[] {
    if (this.#batch.length > 0) return this.#batch;
    const batch: KeyedEntry[] = [];
    let bytes = 0;
    for (let next = this.#waiting.at(0); next !== undefined; next = this.#waiting.at(0)) {
      bytes += sizeOf(next);
      if (batch.length > 0 && (batch.length >= BATCH_ENTRIES || bytes > BATCH_BYTES)) break;
      batch.push(next);
      this.#waiting.shift();
    }
    return this.#batch = batch;
  }

  /** What was taken is written. */
  confirm(): void {
    for (const entry of this.#batch) this.#bytes -= sizeOf(entry);
    this.#batch = [];
  }

  /** Forgets everything under a key, or what of it is not behind an offset. */
  forget(key: string, upTo?: Offset): void {
    const isForgotten = (entry: KeyedEntry) => entry.key === key && (upTo === undefined || entry.entry.offset <= upTo);
    const kept = new Deque<KeyedEntry>();
    for (let entry = this.#waiting.shift(); entry !== undefined; entry = this.#waiting.shift()) {
      if (isForgotten(entry)) this.#bytes -= sizeOf(entry);
      else kept.push(entry);
    }
    this.#waiting = kept;
    for (const entry of this.#batch) if (isForgotten(entry)) this.#bytes -= sizeOf(entry);
    this.#batch = this.#batch.filter((entry) => !isForgotten(entry));
  }
}

function sizeOf({ entry: { frames }, bytes }: KeyedEntry): number {
  return bytes + FRAME_OVERHEAD_BYTES * (frames.length + 1);
}
