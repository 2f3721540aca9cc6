import { formatOffset, type OffsetFormat } from "../../src/model/position.ts";
import { type GatewayProcess, signToken } from "../support/gateway_process.ts";
import { passes } from "./fault_run.ts";
import type { StoredRecord } from "./fault_source.ts";
import type { EventWriter, OutgoingEvent } from "./published_source.ts";

/** Longer than any gateway of a row is away. */
const GIVE_UP_MS = 60_000;
const RETRY_MS = 100;

/** An application that publishes by `POST /api/v1/events`, and asks again under the same key when nobody answers. */
export class APIWriter implements EventWriter {
  readonly isOrdered = false;
  readonly sections: Readonly<Record<string, unknown>>;
  readonly #source: string;
  readonly #format: OffsetFormat;
  readonly #ids = new Map<string, string>();
  readonly #repeated = new Set<string>();
  #url = "";
  #token = "";

  constructor({ source, format }: { readonly source: string; readonly format: OffsetFormat }) {
    this.#source = source;
    this.#format = format;
    this.sections = { publish: { source } };
  }

  async attach([node]: readonly GatewayProcess[]): Promise<void> {
    this.#url = `${node?.url}/api/v1/events`;
    this.#token = await signToken("the application");
  }

  /** Each event in a request of its own, all at once. */
  async write(events: readonly OutgoingEvent[]): Promise<void> {
    await Promise.all(events.map((event) => this.#publish(event)));
  }

  async settle(): Promise<void> {}

  judge(key: string, copies: readonly StoredRecord[]): string | undefined {
    const ids = copies.map(({ partition, offset }) =>
      `${this.#source}:${partition}:${formatOffset(offset, this.#format)}`
    );
    const told = this.#ids.get(key);
    if (told !== undefined && !ids.includes(told)) return `${key} is at ${ids}, and its publisher was told ${told}`;
    if (copies.length > 1 && !this.#repeated.has(key)) return `${key} was published once and is at ${ids}`;
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #publish({ key, event, scopes: [scope], priority }: OutgoingEvent): Promise<void> {
    const body = JSON.stringify({ event, scope, priority, data: { key } });
    const headers = {
      "authorization": `Bearer ${this.#token}`,
      "content-type": "application/json",
      "idempotency-key": key,
    };
    const deadlineMs = performance.now() + GIVE_UP_MS;
    for (;;) {
      // Without an answer it may be in the log all the same.
      const response = await fetch(this.#url, { method: "POST", headers, body }).catch(() => undefined);
      const answer = await response?.json().catch(() => undefined);
      if (response?.status === 201 && answer !== undefined) return void this.#ids.set(key, answer.ids[0]);
      if (performance.now() > deadlineMs) throw new Error(`Cannot publish ${key}: ${JSON.stringify(answer)}`);
      this.#repeated.add(key);
      await passes(RETRY_MS);
    }
  }
}
