import type { Listeners } from "./listeners.ts";
import type { SSESnapshot } from "./sse_snapshot.ts";
import { LOST_AFTER_MS } from "./timing.ts";

/** The snapshot, and who is told of its changes. */
export class ClientState {
  readonly #listeners: Listeners;
  #lostTimer: ReturnType<typeof setTimeout> | undefined;
  #snapshot: SSESnapshot = { status: "idle", attempt: 0, hasEverConnected: false, transport: "stream", isLost: false };

  constructor(listeners: Listeners) {
    this.#listeners = listeners;
  }

  get snapshot(): SSESnapshot {
    return this.#snapshot;
  }

  set(change: Partial<SSESnapshot>): void {
    const snapshot = { ...this.#snapshot, ...change };
    // A first attempt that hangs leaves a page without events as a stream does that is gone.
    const isAway = snapshot.status.endsWith("connecting");
    if (!isAway) {
      clearTimeout(this.#lostTimer);
      this.#lostTimer = undefined;
    } else this.#lostTimer ??= setTimeout(() => this.set({ isLost: true }), LOST_AFTER_MS);
    this.#snapshot = { ...snapshot, isLost: isAway && snapshot.isLost };
    this.#listeners.tell("state");
  }
}
