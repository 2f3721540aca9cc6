import { eventMatches } from "../model/event_name.ts";
import type { Scope } from "../model/scope.ts";
import { chunkOf, type Frame } from "../wire/frame.ts";
import { onePerRecord } from "../wire/one_per_record.ts";
import { FlushClock } from "./flush_clock.ts";

/*
 * Synchronous fan-out to cohorts.
 *
 * A cohort is a scope under one event filter and everybody who reads it. Frames wait in their cohorts until the next flush;
 * a flush owes each connection, at most once, all that its cohorts have. Real connections read several scopes and no two
 * alike, but in one flush most of them have frames in one scope only: they all take that cohort's chunk, built once. Only a
 * connection with several active cohorts gets a merge of its own, in journal order.
 *
 * The broadcaster never awaits and knows no connection: what it hands over, frames and the chunk that holds them, could
 * as well be posted to another thread.
 */

/** One reader, as the broadcaster sees it. */
export interface Member {
  /** The last journal number that this reader has had by other means (a replay); later frames are its live ones. */
  readonly joinedAfterSeq: number;
  /** What it reads, in the order in which it was asked for. */
  readonly scopes: readonly Scope[];
  /** Whether it may have a frame whose audience is more than its scope. Asked for each such frame. */
  mayRead(frame: Frame): boolean;
  /**
   * Takes frames in journal order. Must not throw: others wait.
   *
   * @param chunk all of them in one; shared, so never to be written to
   * @param nowMs milliseconds since 1970, read once for all members: at a thousand of them reading the clock shows
   */
  deliver(frames: readonly Frame[], chunk: Uint8Array, nowMs: number): void;
}

/** A member's place in its cohorts; what {@link Broadcaster.join} gives and {@link Broadcaster.leave} takes. */
export interface Membership {
  readonly member: Member;
  /** @internal */
  readonly cohorts: Set<Cohort>;
  /** @internal The flush that this membership was last seen in, and the cohorts that owe it frames there. */
  flush: number;
  /** @internal */
  first: Cohort | undefined;
  /** @internal */
  more: Cohort[] | undefined;
}

interface Cohort {
  readonly scope: Scope;
  readonly patterns: readonly string[];
  readonly members: Set<Membership>;
  pending: Frame[];
  /** Some pending frame must be checked for each member, or some member joined after the first of them. */
  needsCheck: boolean;
  chunk: Uint8Array | undefined;
}

export class Broadcaster {
  /** By scope, then by the text of the event filter: nested, so that no two filters can be taken for one another. */
  readonly #cohorts = new Map<Scope, Map<string, Cohort>>();
  readonly #memberships = new Set<Membership>();
  readonly #clock: FlushClock;
  readonly #onFlush: (deliveries: number) => void;
  #active: Cohort[] = [];
  #flushes = 0;
  #pendingFrames = 0;

  /**
   * @param maxFlushDelayMs how long frames may wait for others while the event loop is behind; 0 for every turn
   * @param onFlush told how many frames a flush has handed over, for metrics
   * @param now the flush clock's time: monotonic milliseconds, default `performance.now()`
   */
  constructor(maxFlushDelayMs: number, onFlush: (deliveries: number) => void = () => {}, now?: () => number) {
    this.#clock = new FlushClock(maxFlushDelayMs, () => this.flush(), now);
    this.#onFlush = onFlush;
  }

  get memberCount(): number {
    return this.#memberships.size;
  }

  /** Lets a member read these scopes, events that match one of the patterns (none: all of them). */
  join(member: Member, scopes: Iterable<Scope>, patterns: readonly string[]): Membership {
    const membership: Membership = { member, cohorts: new Set(), flush: 0, first: undefined, more: undefined };
    for (const scope of scopes) this.#enter(membership, scope, patterns);
    this.#memberships.add(membership);
    return membership;
  }

  leave(membership: Membership): void {
    for (const cohort of membership.cohorts) this.#exit(membership, cohort);
    this.#memberships.delete(membership);
  }

  /** Adds one scope for a member that was granted it; under the event filter that it joined with. */
  joinScope(membership: Membership, scope: Scope, patterns: readonly string[]): void {
    this.#enter(membership, scope, patterns);
  }

  /** Stops one scope for a member whose grant was withdrawn; frames of it that still wait are not delivered. */
  leaveScope(membership: Membership, scope: Scope): void {
    for (const cohort of membership.cohorts) if (cohort.scope === scope) this.#exit(membership, cohort);
  }

  /** Takes frames in journal order; they leave with the next flush. */
  publish(frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.scope === null) this.#publishToAll(frame);
      else this.#publishToScope(frame, frame.scope);
    }
    if (this.#active.length === 0) return;
    this.#pendingFrames += frames.length;
    if (this.#pendingFrames >= MAX_PENDING_FRAMES) this.flush();
    else this.#clock.request();
  }

  /** Delivers what is pending, now; gives the number of members that it delivered to. */
  flush(): number {
    const active = this.#active;
    if (active.length === 0) return 0;
    this.#active = [];
    this.#pendingFrames = 0;
    const flush = ++this.#flushes;
    const owed: Membership[] = [];
    for (const cohort of active) {
      for (const membership of cohort.members) {
        if (membership.flush !== flush) {
          membership.flush = flush;
          membership.first = cohort;
          membership.more = undefined;
          owed.push(membership);
        } else (membership.more ??= []).push(cohort);
      }
    }
    const nowMs = Date.now();
    let deliveries = 0;
    for (const membership of owed) deliveries += deliver(membership, nowMs);
    for (const cohort of active) {
      cohort.pending = [];
      cohort.chunk = undefined;
      cohort.needsCheck = false;
    }
    this.#onFlush(deliveries);
    return owed.length;
  }

  /** Ends the flush clock. */
  [Symbol.dispose](): void {
    this.#clock[Symbol.dispose]();
  }

  #publishToScope(frame: Frame, scope: Scope): void {
    const byFilter = this.#cohorts.get(scope);
    if (byFilter === undefined) return;
    for (const cohort of byFilter.values()) {
      if (cohort.patterns.length > 0 && !cohort.patterns.some((pattern) => eventMatches(pattern, frame.event))) {
        continue;
      }
      if (cohort.pending.length === 0) this.#active.push(cohort);
      if (frame.audience.length > 0) cohort.needsCheck = true;
      cohort.pending.push(frame);
    }
  }

  /** What everybody must be told goes out at once, behind what was pending: gaps are rare, and order is all. */
  #publishToAll(frame: Frame): void {
    this.flush();
    const nowMs = Date.now();
    for (const { member } of this.#memberships) {
      if (frame.seq > member.joinedAfterSeq) member.deliver([frame], frame.bytes, nowMs);
    }
  }

  #enter(membership: Membership, scope: Scope, patterns: readonly string[]): void {
    const filter = patterns.join(",");
    let byFilter = this.#cohorts.get(scope);
    if (byFilter === undefined) this.#cohorts.set(scope, byFilter = new Map());
    let cohort = byFilter.get(filter);
    if (cohort === undefined) {
      cohort = { scope, patterns, members: new Set(), pending: [], needsCheck: false, chunk: undefined };
      byFilter.set(filter, cohort);
    }
    // Frames that wait from before this member came are in its replay already.
    if (cohort.pending.length > 0) cohort.needsCheck = true;
    cohort.members.add(membership);
    membership.cohorts.add(cohort);
  }

  #exit(membership: Membership, cohort: Cohort): void {
    cohort.members.delete(membership);
    membership.cohorts.delete(cohort);
    if (cohort.members.size > 0) return;
    const byFilter = this.#cohorts.get(cohort.scope);
    byFilter?.delete(cohort.patterns.join(","));
    if (byFilter?.size === 0) this.#cohorts.delete(cohort.scope);
  }
}

/** Frames that may wait for one flush; a source that is catching up must not build chunks of many megabytes. */
const MAX_PENDING_FRAMES = 4_096;

/** Hands one member what its cohorts owe it; gives the number of frames. */
function deliver(membership: Membership, nowMs: number): number {
  const { member, first, more } = membership;
  if (first === undefined) return 0;
  if (more === undefined && !first.needsCheck) {
    first.chunk ??= chunkOf(first.pending);
    member.deliver(first.pending, first.chunk, nowMs);
    return first.pending.length;
  }
  const frames = merge(member, more === undefined ? [first] : [first, ...more]);
  if (frames.length > 0) member.deliver(frames, chunkOf(frames), nowMs);
  return frames.length;
}

function merge(member: Member, cohorts: readonly Cohort[]): readonly Frame[] {
  const merged: Frame[] = [];
  for (const { pending, needsCheck } of cohorts) {
    if (!needsCheck) merged.push(...pending);
    else {
      for (const frame of pending) {
        if (frame.seq > member.joinedAfterSeq && (frame.audience.length === 0 || member.mayRead(frame))) {
          merged.push(frame);
        }
      }
    }
  }
  if (cohorts.length === 1) return merged;
  merged.sort((one, other) => one.seq - other.seq);
  return onePerRecord(merged, member.scopes);
}
