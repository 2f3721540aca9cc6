const decoder = new TextDecoder();

/** Counts the blocks that are no published event, by the name of their event. */
export class ControlEventCounts {
  readonly #counts = new Map<string, number>();

  add(block: Uint8Array): void {
    const text = decoder.decode(block);
    const name = /^event: *(.*)$/m.exec(text)?.[1] ?? (text.startsWith(":") ? "comment" : "other");
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
