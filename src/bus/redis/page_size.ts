import { sizeOfEntry, type StreamEntry } from "./stream_entry.ts";

/** A page this large makes a round trip's cost disappear, and a few of them fit any memory. */
const TARGET_PAGE_BYTES = 1024 * 1024;
const MAX_PAGE_ENTRIES = 1_000;
/** Entries of 1 MiB are possible from the first page on. */
const FIRST_PAGE_ENTRIES = 16;

/**
 * How many entries to ask for. Redis bounds a page by its entries alone, so their size is learnt from the pages before,
 * growing twofold at most: entries that suddenly become large cannot make a page of a gigabyte.
 */
export class PageSize {
  #entries = FIRST_PAGE_ENTRIES;

  get entries(): number {
    return this.#entries;
  }

  learn(page: readonly StreamEntry[]): void {
    if (page.length === 0) return;
    const bytes = page.reduce((sum, entry) => sum + sizeOfEntry(entry), 0);
    const fitting = Math.floor(TARGET_PAGE_BYTES / (1 + bytes / page.length));
    this.#entries = Math.max(1, Math.min(fitting, this.#entries * 2, MAX_PAGE_ENTRIES));
  }
}
