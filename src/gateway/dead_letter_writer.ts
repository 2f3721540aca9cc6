import { reasonOf } from "../log/reason_of.ts";
import { getLogger } from "@logtape/logtape";
import type { EventBus } from "../bus/event_bus.ts";
import type { BusRecord } from "../model/bus_record.ts";
import { createDeadLetter, type DeadLetterCause, encodeDeadLetter } from "../pipeline/dead_letter.ts";

/** Dead letters that wait for their bus; beyond, they are only logged. A broken producer must not fill the memory. */
export const MAX_WAITING_DEAD_LETTERS = 1_000;

const log = getLogger(["tidegate", "dead-letter"]);
const encoder = new TextEncoder();

/**
 * Takes the records that could not be mapped: each is logged with identity and reason, never with content, and written
 * to the configured bus. Nothing waits for it. Written at least once: another node, or this one after a restart,
 * writes the same letter again; its identity tells.
 */
export class DeadLetterWriter implements AsyncDisposable {
  readonly #bus: EventBus | undefined;
  readonly #maxOriginalBytes: number;
  #waiting: { readonly key: Uint8Array; readonly value: Uint8Array }[] = [];
  #writing: Promise<void> | undefined;

  constructor(bus: EventBus | undefined, maxOriginalBytes: number) {
    this.#bus = bus;
    this.#maxOriginalBytes = maxOriginalBytes;
  }

  write(cause: DeadLetterCause, record: BusRecord): void {
    const letter = createDeadLetter(cause, record, this.#maxOriginalBytes);
    const identity = `${letter.source}:${letter.partition}:${letter.offset}`;
    log.warn("Dead letter {identity}: {reason}", { identity, reason: letter.reason });
    if (this.#bus === undefined) return;
    if (this.#waiting.length >= MAX_WAITING_DEAD_LETTERS) {
      log.error("Cannot keep dead letter {identity}: {count} wait already", {
        identity,
        count: MAX_WAITING_DEAD_LETTERS,
      });
      return;
    }
    this.#waiting.push({ key: encoder.encode(identity), value: encodeDeadLetter(letter) });
    this.#writing ??= this.#writeAll(this.#bus);
  }

  /** Waits for what is being written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
  }

  async #writeAll(bus: EventBus): Promise<void> {
    // In the next turn, so that the letters of one batch of records go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const letters = this.#waiting;
      this.#waiting = [];
      try {
        await bus.publish(letters);
      } catch (error) {
        log.error("Cannot write {count} dead letters to {source}: {reason}", {
          count: letters.length,
          source: bus.source,
          reason: reasonOf(error),
        });
      }
    }
    this.#writing = undefined;
  }
}
