import { cursorOf, type Frame, joinBytes } from "../wire/frame.ts";
import { identityOf } from "../wire/cursor.ts";
import { type EventsDropped, eventsDropped } from "../wire/control_events.ts";

/** How much may wait for one slow reader; see `streams.sendQueue` of the configuration. */
export interface SendQueueLimits {
  readonly maxFrames: number;
  readonly maxBytes: number;
}

/** What became of an offered frame. */
export type Offered =
  | "queued"
  /** Low priority was shed to stay within the limits, this frame or older ones; the reader will be told. */
  | "shed"
  /** Nothing more can be shed: the reader is a slow consumer, and the stream must end. */
  | "overflow";

interface Waiting {
  readonly bytes: Uint8Array;
  /** `undefined` for a control event: never shed. */
  readonly frame: Frame | undefined;
}

/**
 * What one slow reader has not taken yet, in journal order, bounded in frames and bytes.
 *
 * Conflation and priority decide what leaves the queue early, never the order of the rest: a later frame's cursor
 * must not claim an earlier frame that still waits. A conflated frame has a newer one of its key behind it, which is
 * what its publisher asked for; a shed one is announced before anything that comes after it.
 */
export class SendQueue {
  readonly #limits: SendQueueLimits;
  readonly #waiting = new Map<number, Waiting>();
  readonly #lowPriority = new Set<number>();
  readonly #newestByKey = new Map<string, number>();
  #nextPlace = 0;
  #byteCount = 0;
  #dropped: EventsDropped | undefined;
  #conflatedCount = 0;

  constructor(limits: SendQueueLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#dropped === undefined;
  }

  get frameCount(): number {
    return this.#waiting.size;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** Frames that a newer one of the same key has replaced, since the queue was made. */
  get conflatedCount(): number {
    return this.#conflatedCount;
  }

  /** Takes a frame behind the others. */
  offer(frame: Frame): Offered {
    const key = conflationKeyOf(frame);
    const older = key === undefined ? undefined : this.#newestByKey.get(key);
    if (older !== undefined) {
      this.#remove(older);
      this.#conflatedCount++;
    }
    const place = this.#add({ bytes: frame.bytes, frame });
    if (frame.priority === "low") this.#lowPriority.add(place);
    if (key !== undefined) this.#newestByKey.set(key, place);
    if (!this.#isOverLimit()) return "queued";
    for (const low of this.#lowPriority) {
      this.#shed(low);
      if (!this.#isOverLimit()) return "shed";
    }
    return "overflow";
  }

  /** Takes a control event behind the others. Control events are few and never refused. */
  offerControl(bytes: Uint8Array): void {
    this.#add({ bytes, frame: undefined });
  }

  /** The oldest blocks in one chunk of about `maxBytes`, at least one block; `undefined` when nothing waits. */
  take(maxBytes: number): Uint8Array | undefined {
    if (this.isEmpty) return undefined;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    if (this.#dropped !== undefined) {
      parts.push(eventsDropped(this.#dropped));
      this.#dropped = undefined;
    }
    for (const [place, waiting] of this.#waiting) {
      if (bytes > 0 && bytes + waiting.bytes.length > maxBytes) break;
      bytes += waiting.bytes.length;
      parts.push(waiting.bytes);
      this.#remove(place);
    }
    return joinBytes(parts);
  }

  #isOverLimit(): boolean {
    return this.#waiting.size > this.#limits.maxFrames || this.#byteCount > this.#limits.maxBytes;
  }

  #add(waiting: Waiting): number {
    const place = this.#nextPlace++;
    this.#waiting.set(place, waiting);
    this.#byteCount += waiting.bytes.length;
    return place;
  }

  #shed(place: number): void {
    const frame = this.#waiting.get(place)?.frame;
    this.#remove(place);
    if (frame === undefined) return;
    const identity = identityOf(cursorOf(frame));
    this.#dropped = this.#dropped === undefined
      ? { priority: frame.priority, count: 1, from: identity, to: identity }
      : { ...this.#dropped, count: this.#dropped.count + 1, to: identity };
  }

  #remove(place: number): void {
    const waiting = this.#waiting.get(place);
    if (waiting === undefined) return;
    this.#waiting.delete(place);
    this.#lowPriority.delete(place);
    this.#byteCount -= waiting.bytes.length;
    const key = waiting.frame === undefined ? undefined : conflationKeyOf(waiting.frame);
    if (key !== undefined && this.#newestByKey.get(key) === place) this.#newestByKey.delete(key);
  }
}

/**
 * A newer frame must not take the place of one with a scope that it does not have. Neither an event's name nor a scope can
 * hold a line end, and no scope a comma, so the parts cannot be taken for one another.
 */
function conflationKeyOf({ event, scope, scopes, conflationKey }: Frame): string | undefined {
  return conflationKey === undefined ? undefined : `${event}\n${scopes ?? scope}\n${conflationKey}`;
}
