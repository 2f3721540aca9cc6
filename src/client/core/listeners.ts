/** Listeners by what they listen to. One that throws keeps nothing from the others. */
export class Listeners {
  // Of a kind each has the same argument, which those who add and tell it know.
  // deno-lint-ignore no-explicit-any -- the one place where kinds of different arguments meet
  readonly #byKind = new Map<string, Set<(argument: any) => void>>();

  /** Returns what ends it. A function that is added twice is called twice. */
  add<Argument>(kind: string, listener: (argument: Argument) => void): () => void {
    const each = (argument: Argument) => listener(argument);
    const all = this.#byKind.get(kind) ?? new Set();
    this.#byKind.set(kind, all.add(each));
    return () => void all.delete(each);
  }

  tell(kind: string, argument?: unknown): void {
    for (const listener of [...this.#byKind.get(kind) ?? []]) {
      try {
        listener(argument);
      } catch (error) {
        // One that listens for errors and throws is told to nobody but the page.
        if (kind === "error") globalThis.reportError?.(error);
        else this.tell("error", error);
      }
    }
  }
}
