import type { Priority } from "../../src/model/sse_message.ts";
import type { AcceptedEvent } from "../checker/client_history.ts";
import type { SeededRandom } from "../simulation/seeded_random.ts";
import type { FaultSource, OutgoingRecord } from "./fault_source.ts";

export const USERS: readonly string[] = ["u0", "u1", "u2", "u3"];

const BATCH = { least: 1, most: 10 };
const PAUSE_MS = { least: 5, most: 30 };
const RETRY_MS = 100;
const RECORDS_A_WRITE = 100;

/** What the gateways do with the records of {@link Load}: key and filling for one user or for all, and nothing else of them. */
export function mappings(source: string): object {
  const rule = { source, fields: { key: "key", filling: "filling" } };
  return {
    rules: [
      {
        ...rule,
        name: "progress",
        when: { kind: "progress" },
        event: "task.progress-updated",
        scope: "user:{user_id}",
      },
      {
        ...rule,
        name: "notice",
        when: { kind: "notice" },
        event: "system.notice-sent",
        scope: "global",
        priority: "low",
      },
    ],
  };
}

/** Writes records all the time: for some user, for all, for nobody, and some that nobody can read. */
export class Load {
  /** In every record, in a field that no rule lists. */
  readonly canary = `canary-${crypto.randomUUID()}`;
  /** Bytes that each record is filled up with. */
  filling = 0;
  /** Milliseconds between two batches, drawn anew each time. */
  pauseMs = PAUSE_MS;
  readonly #source: FaultSource;
  readonly #random: SeededRandom;
  #number = 0;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(source: FaultSource, random: SeededRandom) {
    this.#source = source;
    this.#random = random;
  }

  /** Records that were handed to the source so far, whatever became of them. */
  get sentCount(): number {
    return this.#number;
  }

  start(): void {
    this.#isStopped = false;
    this.#running = this.#run();
  }

  /** Resolves when no answer is awaited any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** So many records as fast as the source takes them, beside the others. */
  async write(count: number): Promise<void> {
    for (let left = count; left > 0; left -= RECORDS_A_WRITE) {
      await this.#source.append(Array.from({ length: Math.min(left, RECORDS_A_WRITE) }, () => this.#record()));
    }
  }

  async #run(): Promise<void> {
    const random = this.#random;
    while (!this.#isStopped) {
      const records = Array.from({ length: random.between(BATCH.least, BATCH.most) }, () => this.#record());
      // What became of them shows when stock is taken.
      const isDone = await this.#source.append(records).then(() => true, () => false);
      const pauseMs = isDone ? random.between(this.pauseMs.least, this.pauseMs.most) : RETRY_MS;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  #record(): OutgoingRecord {
    const key = `e/${this.#number++}`;
    const base = { key, secret: this.canary, filling: "x".repeat(this.filling) };
    if (this.#random.chance(0.02)) return { key, value: `{"key":"${key}", no JSON`, event: undefined };
    if (this.#random.chance(0.1)) return { key, value: JSON.stringify({ ...base, kind: "else" }), event: undefined };
    if (this.#random.chance(0.2)) {
      const event = eventOf(key, "system.notice-sent", "global", "low");
      return { key, value: JSON.stringify({ ...base, kind: "notice" }), event };
    }
    const user_id = this.#random.pick(USERS);
    const event = eventOf(key, "task.progress-updated", `user:${user_id}`, "normal");
    return { key, value: JSON.stringify({ ...base, kind: "progress", user_id }), event };
  }
}

/** The key in a record's value, readable or not. */
export function keyOf(value: string): string {
  return /"key":"([^"]*)"/.exec(value)?.[1] ?? "";
}

function eventOf(key: string, event: string, scope: string, priority: Priority): AcceptedEvent {
  return { key, event, scopes: [scope], audience: [], priority, conflationKey: undefined };
}
