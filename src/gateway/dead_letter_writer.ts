import { getLogger } from "@logtape/logtape";
import { BusError } from "../bus/event_bus.ts";
import { reasonOf } from "../log/reason_of.ts";
import type { BusRecord } from "../model/bus_record.ts";
import { createDeadLetter, type DeadLetterCause, encodeDeadLetter } from "../pipeline/dead_letter.ts";
import type { DeadLetterEntry, DeadLetterPlace } from "./dead_letter_place.ts";

/** Dead letters that wait for one place; beyond, it does not get them. A broken producer must not fill the memory. */
export const MAX_WAITING_DEAD_LETTERS = 1_000;
/** Of one append, at least one letter: half of what Kafka takes in one batch by default, and no burst waits on one answer. */
export const MAX_APPEND_BYTES = 512 * 1024;

const log = getLogger(["tidegate", "dead-letter"]);

/** Learns how many letters a place did not take; must not throw. */
export type UnkeptDeadLetters = (place: DeadLetterPlace["kind"], count: number) => void;

/**
 * Takes the records that could not be mapped: each is logged with identity and reason, never with content, and written
 * to every configured place. Nothing waits for it, and no place for another. Written at least once: another node, or
 * this one after a restart, writes the same letter again; its identity tells.
 */
export class DeadLetterWriter implements AsyncDisposable {
  readonly #queues: readonly PlaceQueue[];
  readonly #maxOriginalBytes: number;

  constructor(places: readonly DeadLetterPlace[], maxOriginalBytes: number, unkept: UnkeptDeadLetters) {
    this.#queues = places.map((place) => new PlaceQueue(place, unkept));
    this.#maxOriginalBytes = maxOriginalBytes;
  }

  write(cause: DeadLetterCause, record: BusRecord): void {
    const letter = createDeadLetter(cause, record, this.#maxOriginalBytes);
    const identity = `${letter.source}:${letter.partition}:${letter.offset}`;
    log.warn("Dead letter {identity}: {reason}", { identity, reason: letter.reason });
    if (this.#queues.length === 0) return;
    const entry = { identity, json: encodeDeadLetter(letter) };
    for (const queue of this.#queues) queue.push(entry);
  }

  /** Waits for what is being written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.written()));
  }
}

/** What waits for one place. */
class PlaceQueue {
  readonly #place: DeadLetterPlace;
  readonly #unkept: UnkeptDeadLetters;
  #waiting: DeadLetterEntry[] = [];
  #writing: Promise<void> | undefined;
  /** Why the place takes nothing; told once a change, for each letter has a line already. */
  #refusal: string | undefined;

  constructor(place: DeadLetterPlace, unkept: UnkeptDeadLetters) {
    this.#place = place;
    this.#unkept = unkept;
  }

  push(entry: DeadLetterEntry): void {
    if (this.#waiting.length >= MAX_WAITING_DEAD_LETTERS) {
      this.#unkept(this.#place.kind, 1);
      this.#note(`${MAX_WAITING_DEAD_LETTERS} letters wait for it already`);
      return;
    }
    this.#waiting.push(entry);
    this.#writing ??= this.#writeAll();
  }

  async written(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // In the next turn, so that the letters of one batch of records go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const entries = this.#waiting;
      this.#waiting = [];
      const taken = await this.#append(entries);
      if (taken < entries.length) this.#unkept(this.#place.kind, entries.length - taken);
    }
    this.#writing = undefined;
  }

  /** How many the place took. */
  async #append(entries: readonly DeadLetterEntry[]): Promise<number> {
    const parts = partsOf(entries);
    let taken = 0;
    let refusal: string | undefined;
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      try {
        const count = await this.#place.append(part, false);
        taken += count;
        if (count === part.length) continue;
        refusal = "it is full";
        break;
      } catch (error) {
        const isTooLarge = error instanceof BusError && error.isTooLarge;
        const half = Math.ceil(part.length / 2);
        // One letter that is too large does not take those beside it along.
        if (isTooLarge && part.length > 1) parts.unshift(part.slice(0, half), part.slice(half));
        else refusal = reasonOf(error);
        // A place that is away takes none of the others either, and each would wait for its timeout.
        if (!isTooLarge) break;
      }
    }
    this.#note(refusal);
    return taken;
  }

  #note(refusal: string | undefined): void {
    if (refusal === this.#refusal) return;
    this.#refusal = refusal;
    const { name } = this.#place;
    if (refusal === undefined) log.info("Dead letters are kept in {name} again", { name });
    else log.error("Cannot keep dead letters in {name}, they are in this log alone: {refusal}", { name, refusal });
  }
}

/** In their order, each of at most {@link MAX_APPEND_BYTES} or of one letter. */
function partsOf(entries: readonly DeadLetterEntry[]): DeadLetterEntry[][] {
  const parts: DeadLetterEntry[][] = [];
  let bytes = Infinity;
  for (const entry of entries) {
    bytes += entry.json.length;
    if (bytes > MAX_APPEND_BYTES) {
      parts.push([]);
      bytes = entry.json.length;
    }
    parts.at(-1)?.push(entry);
  }
  return parts;
}
