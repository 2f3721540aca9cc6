import { principalKey } from "../access/principal.ts";
import type { Broadcaster, Membership } from "../broadcast/broadcaster.ts";
import { CLOSE_REASONS, type CloseReason } from "../model/close_reason.ts";
import type { OffsetFormat } from "../model/position.ts";
import type { Journal } from "../replay/journal.ts";
import { accessChanged, checkpoint, HEARTBEAT, tokenExpiring } from "../wire/control_events.ts";
import { Connection, type ConnectionInit, type EndReason } from "./connection.ts";
import type { Reader } from "./reader.ts";
import { Poll, type PollWish } from "./poll.ts";
import type { StreamLimits } from "./stream_limits.ts";
import type { Subscription } from "./subscription.ts";

/** What happens to streams, for metrics and logs. */
export interface StreamObserver {
  opened(): void;
  ended(reason: EndReason, connection: Connection): void;
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
  /** Why the reader may have no stream any more, whatever its token says; `undefined` when it may. Default: always. */
  readonly shutOut?: (reader: Reader) => CloseReason | undefined;
  /** From 0 to 1; replaced in tests. */
  readonly random?: () => number;
  /** See {@link ConnectionInit}; replaced in tests. */
  readonly maxUnaskedBytes?: number;
}

/** How often lifetimes, tokens, stalls and silences are looked at. One timer for all streams costs less than one each. */
const TICK_MS = 1_000;

/** Registry of the open streams and the polls under way: admission, several tabs of one principal, heartbeats, lifetimes, drain. */
export class StreamManager {
  readonly #init: StreamManagerInit;
  readonly #limits: StreamLimits;
  readonly #connections = new Map<string, Connection>();
  readonly #polls = new Set<Poll>();
  readonly #memberships = new Map<Connection | Poll, Membership>();
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

  /** Open streams and polls under way: a poll costs what a stream does while it waits. */
  get count(): number {
    return this.#connections.size + this.#polls.size;
  }

  connections(): IterableIterator<Connection> {
    return this.#connections.values();
  }

  /** Why one more stream or poll of this reader's principal is refused now, softly; `undefined` when it may open. */
  refusalFor(reader: Reader): CloseReason | undefined {
    const ofPrincipal = this.#countByPrincipal.get(principalKey(reader)) ?? 0;
    if (this.#isDraining) return "draining";
    const shutOut = this.#init.shutOut?.(reader);
    if (shutOut !== undefined) return shutOut;
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
    connection.warnAtMs = this.#warnAtMs(reader);
    this.#connections.set(connection.id, connection);
    this.#count(reader);
    this.#init.observer.opened();
    return connection;
  }

  /** A new poll; it counts from here on, until its answer is taken. */
  poll(reader: Reader, subscription: Subscription, wish: PollWish): Poll {
    const { journal, broadcaster, formatOf } = this.#init;
    const poll: Poll = new Poll({
      ...wish,
      reader,
      subscription,
      maxBytes: this.#limits.sendQueue.maxBytes,
      formatOf,
      mayStillRead: () => this.#init.shutOut?.(reader) === undefined,
      headCursor: () => journal.cursor(),
      flush: () => void broadcaster.flush(),
      onEnd: () => this.#part(poll),
      onGone: () => {
        this.#polls.delete(poll);
        this.#discount(reader);
      },
    });
    this.#polls.add(poll);
    this.#count(reader);
    return poll;
  }

  /** From here on the reader is live. Call it in the turn in which its replay found the head. */
  join(joining: Connection | Poll): void {
    if (joining.hasEnded) return;
    const { journal, broadcaster } = this.#init;
    joining.joinedAfterSeq = journal.headSeq;
    if (joining instanceof Connection) joining.checkpointVersion = journal.version;
    const { scopes, patterns } = joining.subscription;
    this.#memberships.set(joining, broadcaster.join(joining, scopes, patterns));
  }

  /** An open stream of the principal. */
  find(id: string, principal: Pick<Reader, "issuer" | "subject">): Connection | undefined {
    const connection = this.#connections.get(id);
    if (connection === undefined || connection.hasEnded) return undefined;
    return principalKey(connection.reader) === principalKey(principal) ? connection : undefined;
  }

  /** Puts a fresh token's reader in the place of a stream's own; what was withdrawn stops at once. */
  renew(connection: Connection, reader: Reader, subscription: Subscription): void {
    const { broadcaster } = this.#init;
    // What is pending was published under the old token, and nothing older may come by a scope that is new.
    broadcaster.flush();
    if (connection.hasEnded) return;
    const before = connection.subscription.scopes;
    const granted = subscription.scopes.filter((scope) => !before.includes(scope));
    const revoked = before.filter((scope) => !subscription.scopes.includes(scope));
    const isNarrower = !connection.reader.grants.isSubsetOf(reader.grants);
    connection.reader = reader;
    connection.subscription = subscription;
    connection.warnAtMs = this.#warnAtMs(reader);
    // What waits for a slow reader was let through by the old grants; the cursor brings what it may still have.
    if (subscription.scopes.length === 0 || isNarrower && connection.isStalled) return connection.close("revoked");
    const membership = this.#memberships.get(connection);
    if (membership !== undefined) {
      for (const scope of granted) broadcaster.joinScope(membership, scope, subscription.patterns);
      for (const scope of revoked) broadcaster.leaveScope(membership, scope);
    }
    if (granted.length + revoked.length > 0) connection.send(accessChanged(granted, revoked));
  }

  /** Tells every open stream something that is not an event: a source went away or came back. */
  tellAll(bytes: Uint8Array): void {
    for (const connection of this.#connections.values()) connection.send(bytes);
  }

  /** Closes every stream and poll whose reader was shut out since it was opened; gives how many. */
  closeShutOut(): number {
    let closed = 0;
    for (const each of this.#all()) {
      const reason = each.hasEnded ? undefined : this.#init.shutOut?.(each.reader);
      if (reason === undefined) continue;
      each.close(reason);
      closed++;
    }
    return closed;
  }

  /**
   * Refuses new streams and polls and closes each open one at a random moment of the window. Resolves when none is left; all
   * are closed when the window is over, whether or not their readers take notice.
   */
  async drain(windowMs: number): Promise<void> {
    this.#isDraining = true;
    const timers = this.#all().map((each) => setTimeout(() => each.close("draining"), this.#random() * windowMs));
    const whoTakesNothing = () => {
      for (const each of this.#all()) {
        each.close("draining");
        each.abandon();
      }
    };
    timers.push(setTimeout(whoTakesNothing, windowMs));
    if (this.count > 0) await new Promise<void>((resolve) => this.#onEmpty = resolve);
    for (const timer of timers) clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#tick);
    for (const each of this.#all()) each.close("draining");
    for (const poll of this.#polls) poll.abandon();
  }

  #all(): readonly (Connection | Poll)[] {
    return [...this.#connections.values(), ...this.#polls];
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
    const { heartbeatMs, writeStallMs } = this.#limits;
    const isPastLifetime = nowMs >= connection.endsAtMs;
    if (connection.hasEnded) return isPastLifetime ? connection.abandon() : undefined;
    const tokenLeftMs = connection.reader.expiresAtMs - Date.now();
    const silentMs = connection.silentMs(nowMs);
    if (tokenLeftMs <= 0) return connection.close("token-expired");
    const shutOut = this.#init.shutOut?.(connection.reader);
    if (shutOut !== undefined) return connection.close(shutOut);
    if (isPastLifetime) return connection.close("max-lifetime");
    if (connection.isAwaited && silentMs > writeStallMs) return connection.close("slow-consumer");
    if (Date.now() >= connection.warnAtMs) {
      connection.warnAtMs = Infinity;
      connection.send(tokenExpiring(new Date(connection.reader.expiresAtMs).toISOString()));
    }
    // Two ticks early, for a byte's time is known to a tick and the next look is a tick away: the announced silence holds.
    if (silentMs < heartbeatMs - 2 * TICK_MS) return;
    if (!this.#hasMoved(connection)) connection.heartbeat(HEARTBEAT);
    else if (connection.heartbeat(checkpointBytes)) connection.checkpointVersion = this.#init.journal.version;
  }

  /** Half way at the latest: a token that is shorter than the warning, or offered again, would be renewed once a tick. */
  #warnAtMs({ expiresAtMs }: Reader): number {
    return expiresAtMs - Math.min(this.#limits.tokenWarningMs, (expiresAtMs - Date.now()) / 2);
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
    this.#part(connection);
    this.#init.observer.ended(reason, connection);
  }

  #part(leaving: Connection | Poll): void {
    const membership = this.#memberships.get(leaving);
    if (membership !== undefined) this.#init.broadcaster.leave(membership);
    this.#memberships.delete(leaving);
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection.id);
    this.#discount(connection.reader);
  }

  #count(reader: Reader): void {
    const principal = principalKey(reader);
    this.#countByPrincipal.set(principal, (this.#countByPrincipal.get(principal) ?? 0) + 1);
  }

  #discount(reader: Reader): void {
    const principal = principalKey(reader);
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
