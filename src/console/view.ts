/// <reference lib="dom" />
import type { Status } from "./answers.ts";

/** One page of the console; made when it is shown. */
export interface View {
  readonly element: HTMLElement;
  /** Told each time that the node's status has come. */
  update?(status: Status): void;
  /** The view is left: everything that it reads ends. */
  leave(): void;
}

/** Calls again and again, each time after the one before has ended; the signal ends it. */
export function repeat(what: () => Promise<void>, pauseMs: number, signal: AbortSignal): void {
  const turn = async () => {
    // Nobody looks at a hidden tab, and its node has better things to do.
    if (!document.hidden) await what().catch(() => {});
    if (!signal.aborted) setTimeout(turn, pauseMs);
  };
  void turn();
}
