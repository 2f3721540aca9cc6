import { principalKey } from "../access/principal.ts";
import type { Broadcaster, Membership } from "../broadcast/broadcaster.ts";
import { CLOSE_REASONS, type CloseReason } from "../model/close_reason.ts";
import type { OffsetFormat } from "../model/position.ts";
import type { Journal } from "../replay/journal.ts";
import { checkpoint, HEARTBEAT, tokenExpiring } from "../wire/control_events.ts";
import { Connection, type ConnectionInit, type EndReason, type Reader } from "./connection.ts";
import type { SendQueueLimits } from "./send_queue.ts";
import type { Subscription } from "./subscription.ts";

/** Limits of streams; see `streams` of the configuration. Times in milliseconds. */
export interface StreamLimits {
  readonly heartbeatMs: number;
  readonly maxLifetimeMs: number;
  /** Share by which each lifetime varies, 0 to 0.5. */
  readonly lifetimeJitter: number;
  readonly maxTotal: number;
  readonly maxPerPrincipal: number;
  readonly sendQueue: SendQueueLimits;
  readonly writeStallMs: number;
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  readonly refusalRetry: { readonly minMs: number; readonly maxMs: number };
  readonly tokenWarningMs: number;
}

/** What happens to streams, for metrics and logs. */
export interface StreamObserver {
  opened(): void;
  ended(reason: EndReason): void;
  refused(reason: CloseReason): void;
  shed(frames: number): void;
}

/** What the manager works with. */
export interface StreamManagerInit {
  readonly limits: StreamLimits;
  readonly journal: Journal;
  readonly broadcaster: Broadcaster;
  readonly formatOf: (source: string) => OffsetFormat;
  readonly observer: StreamObserver;
  /** From 0 to 1; replaced in tests. */
  readonly random?: () => number;
  /** See {@link ConnectionInit}; replaced in tests. */
  readonly maxUnaskedBytes?: number;
}

/** How often lifetimes, tokens, stalls and silences are looked at. One timer for all streams costs less than one each. */
const TICK_MS = 1_000;

/** Registry of the open streams: admission, several tabs of one principal, heartbeats, lifetimes, drain. */
export class StreamManager {
  readonly #init: StreamManagerInit;
  readonly #limits: StreamLimits;
  readonly #connections = new Map<string, Connection>();
  readonly #memberships = new Map<Connection, Membership>();
  readonly #countByPrincipal = new Map<string, number>();
  readonly #random: () => number;
  readonly #tick: ReturnType<typeof setInterval>;
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  constructor(init: StreamManagerInit) {
    this.#init = init;
    this.#limits = init.limits;
    this.#random = init.random ?? Math.random;
    this.#tick = setInterval(() => this.#lookAtAll(), TICK_MS);
  }

  get count(): number {
    return this.#connections.size;
  }

  connections(): IterableIterator<Connection> {
    return this.#connections.values();
  }

  /** Why one more stream of this reader's principal is refused now, softly; `undefined` when it may open. */
  refusalFor(reader: Reader): CloseReason | undefined {
    const ofPrincipal = this.#countByPrincipal.get(principalKey(reader)) ?? 0;
    if (this.#isDraining) return "draining";
    if (this.count >= this.#limits.maxTotal || ofPrincipal >= this.#limits.maxPerPrincipal) return "connection-limit";
    return undefined;
  }

  /** Counts a refusal and draws the delay after which its client shall come back, in milliseconds. */
  refuse(reason: CloseReason): number {
    this.#init.observer.refused(reason);
    return this.#between(this.#limits.refusalRetry);
  }

  /** A new stream; it counts from here on, and reads nothing until {@link StreamManager.join}. */
  open(reader: Reader, subscription: Subscription): Connection {
    const { maxLifetimeMs, lifetimeJitter, sendQueue, retry } = this.#limits;
    const lifetimeMs = maxLifetimeMs * (1 + lifetimeJitter * (2 * this.#random() - 1));
    const { maxUnaskedBytes } = this.#init;
    const init: ConnectionInit = {
      id: crypto.randomUUID(),
      reader,
      subscription,
      queueLimits: sendQueue,
      retryMs: this.#between(retry),
      endsAtMs: performance.now() + lifetimeMs,
      formatOf: this.#init.formatOf,
      retryAfterMs: (reason) => this.#retryAfterMs(reason, connection),
      onEnd: (reason) => this.#leave(connection, reason),
      onGone: () => this.#forget(connection),
      onShed: (frames) => this.#init.observer.shed(frames),
      ...(maxUnaskedBytes === undefined ? {} : { maxUnaskedBytes }),
    };
    const connection: Connection = new Connection(init);
    this.#connections.set(connection.id, connection);
    const principal = principalKey(reader);
    this.#countByPrincipal.set(principal, (this.#countByPrincipal.get(principal) ?? 0) + 1);
    this.#init.observer.opened();
    return connection;
  }

  /** From here on the stream is live. Call it in the turn in which its replay found the head. */
  join(connection: Connection): void {
    if (connection.hasEnded) return;
    const { journal, broadcaster } = this.#init;
    connection.joinedAfterSeq = journal.headSeq;
    connection.checkpointVersion = journal.version;
    const { scopes, patterns } = connection.subscription;
    this.#memberships.set(connection, broadcaster.join(connection, scopes, patterns));
  }

  /** Tells every open stream something that is not an event: a source went away or came back. */
  tellAll(bytes: Uint8Array): void {
    for (const connection of this.#connections.values()) connection.send(bytes);
  }

  /**
   * Refuses new streams and closes each open one at a random moment of the window. Resolves when none is left; all
   * are closed when the window is over, whether or not their readers take notice.
   */
  async drain(windowMs: number): Promise<void> {
    this.#isDraining = true;
    const timers = [...this.#connections.values()].map((connection) =>
      setTimeout(() => connection.close("draining"), this.#random() * windowMs)
    );
    const whoTakesNothing = () => {
      for (const connection of this.#connections.values()) {
        connection.close("draining");
        connection.abandon();
      }
    };
    timers.push(setTimeout(whoTakesNothing, windowMs));
    if (this.count > 0) await new Promise<void>((resolve) => this.#onEmpty = resolve);
    for (const timer of timers) clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#tick);
    for (const connection of this.#connections.values()) connection.close("draining");
  }

  #lookAtAll(): void {
    const { journal, broadcaster } = this.#init;
    // What is pending would make the checkpoint below a lie.
    broadcaster.flush();
    journal.expire(performance.now());
    const nowMs = performance.now();
    const checkpointBytes = checkpoint(journal.cursor());
    for (const connection of this.#connections.values()) this.#lookAt(connection, nowMs, checkpointBytes);
  }

  #lookAt(connection: Connection, nowMs: number, checkpointBytes: Uint8Array): void {
    const { heartbeatMs, writeStallMs, tokenWarningMs } = this.#limits;
    const isPastLifetime = nowMs >= connection.endsAtMs;
    if (connection.hasEnded) return isPastLifetime ? connection.abandon() : undefined;
    const tokenLeftMs = connection.reader.expiresAtMs - Date.now();
    const silentMs = connection.silentMs(nowMs);
    if (tokenLeftMs <= 0) return connection.close("token-expired");
    if (isPastLifetime) return connection.close("max-lifetime");
    if (connection.isAwaited && silentMs > writeStallMs) return connection.close("slow-consumer");
    if (tokenLeftMs <= tokenWarningMs && !connection.wasWarned) {
      connection.wasWarned = true;
      connection.send(tokenExpiring(new Date(connection.reader.expiresAtMs).toISOString()));
    }
    // Two ticks early, for a byte's time is known to a tick and the next look is a tick away: the announced silence holds.
    if (silentMs < heartbeatMs - 2 * TICK_MS) return;
    if (!this.#hasMoved(connection)) connection.heartbeat(HEARTBEAT);
    else if (connection.heartbeat(checkpointBytes)) connection.checkpointVersion = this.#init.journal.version;
  }

  /** Whether the cursor is another one than the stream was told last, by a checkpoint or by an event. */
  #hasMoved(connection: Connection): boolean {
    const { journal } = this.#init;
    if (!this.#memberships.has(connection) || connection.checkpointVersion === journal.version) return false;
    return connection.lastSeq !== journal.headSeq || journal.headVersion !== journal.version;
  }

  #retryAfterMs(reason: CloseReason, connection: Connection): number {
    return CLOSE_REASONS[reason].calm ? connection.retryMs : this.#between(this.#limits.refusalRetry);
  }

  #leave(connection: Connection, reason: EndReason): void {
    const membership = this.#memberships.get(connection);
    if (membership !== undefined) this.#init.broadcaster.leave(membership);
    this.#memberships.delete(connection);
    this.#init.observer.ended(reason);
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection.id);
    const principal = principalKey(connection.reader);
    const left = (this.#countByPrincipal.get(principal) ?? 1) - 1;
    if (left === 0) this.#countByPrincipal.delete(principal);
    else this.#countByPrincipal.set(principal, left);
    if (this.count === 0) this.#onEmpty?.();
  }

  /** A delay of this connection's own, so that no crowd comes back at one moment. */
  #between(range: { readonly minMs: number; readonly maxMs: number }): number {
    return Math.round(range.minMs + this.#random() * (range.maxMs - range.minMs));
  }
}
