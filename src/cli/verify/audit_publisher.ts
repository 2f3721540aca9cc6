import { type BusError, type EventBus } from "../../bus/event_bus.ts";
import type { Config } from "../../config/schema.ts";
import { openBus } from "../../gateway/open_bus.ts";
import { reasonOf } from "../../log/reason_of.ts";
import { formatPosition } from "../../model/position.ts";
import type { Scope } from "../../model/scope.ts";
import { encodeNativeRecord } from "../../pipeline/native_record.ts";
import { createPipeline } from "../../pipeline/pipeline.ts";
import { refusalText, type Remote } from "../remote.ts";
import { AUDIT_EVENT, readNumber } from "./audit_event.ts";

/** Where an audit's events go in. */
export interface AuditPublisher extends AsyncDisposable {
  /** Publishes events with these numbers, all or none. Called again with the same numbers after an unclear answer. */
  publish(numbers: readonly number[]): Promise<PublishAnswer>;
}

/** What became of a publish. */
export type PublishAnswer =
  /** Positions in the order of the numbers. */
  | { readonly kind: "accepted"; readonly identities: readonly string[] }
  /** Nobody knows whether it was written; time may cure it. */
  | { readonly kind: "unclear"; readonly reason: string; readonly retryAfterMs: number }
  /** To ask again would change nothing. */
  | { readonly kind: "refused"; readonly reason: string };

const RETRY_AFTER_MS = 1_000;

/** Publishes as backends do: `POST /api/v1/events`, with an `Idempotency-Key`, so that a retry is no second event. */
export function httpPublisher(remote: Remote, run: string, scope: Scope): AuditPublisher {
  return {
    publish: async (numbers) => {
      const events = numbers.map((number) => ({ event: AUDIT_EVENT, scope, data: { run, number } }));
      try {
        const response = await fetch(`${remote.url}/api/v1/events`, {
          method: "POST",
          headers: {
            ...remote.headers,
            "content-type": "application/json",
            "idempotency-key": `${run}-${numbers[0]}-${numbers.length}`,
          },
          body: JSON.stringify(events),
          signal: AbortSignal.timeout(PUBLISH_WITHIN_MS),
        });
        if (response.status === 201) return { kind: "accepted", identities: (await response.json()).ids };
        const retryAfterMs = 1_000 * Number(response.headers.get("retry-after")) || RETRY_AFTER_MS;
        const reason = await refusalText(response);
        if (response.status === 429 || response.status >= 500) return { kind: "unclear", reason, retryAfterMs };
        return { kind: "refused", reason };
      } catch (error) {
        return { kind: "unclear", reason: reasonOf(error), retryAfterMs: RETRY_AFTER_MS };
      }
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Longer than a gateway waits for its source. */
const PUBLISH_WITHIN_MS = 30_000;

/** Keys, so that the events are spread over the partitions of a Kafka topic or a source's Redis Streams. */
const KEY_COUNT = 16;

/** A publisher, or what has to be configured first. */
export type SourcePublisher =
  | { readonly kind: "publisher"; readonly publisher: AuditPublisher }
  | { readonly kind: "refused"; readonly reason: string };

/** Writes straight to a configured source, as the backends that feed it do: the whole way is audited. */
export async function sourcePublisher(
  config: Config,
  source: string,
  run: string,
  scope: Scope,
): Promise<SourcePublisher> {
  const settings = config.sources[source];
  if (settings === undefined) {
    const names = Object.keys(config.sources).join(", ");
    return { kind: "refused", reason: `${JSON.stringify(source)} is none of the configured sources: ${names}` };
  }
  if (settings.kind === "embedded") {
    const reason =
      `${source} is the gateway's own embedded log, which only the gateway writes; leave --through-source out`;
    return { kind: "refused", reason };
  }
  const encode = settings.format === "tidegate" ? nativeRecord : plainRecord;
  const valueOf = (number: number) => encode(run, scope, number);
  const trouble = mappingTrouble(config, source, run, scope, valueOf(1));
  if (trouble !== undefined) return { kind: "refused", reason: trouble };
  return { kind: "publisher", publisher: busPublisher(await openBus(source, settings), valueOf) };
}

function busPublisher(bus: EventBus, valueOf: (number: number) => Uint8Array): AuditPublisher {
  return {
    publish: async (numbers) => {
      const records = numbers.map((number) => ({ key: keyOf(number), value: valueOf(number) }));
      try {
        const positions = await bus.publish(records);
        const identities = positions.map((position) =>
          formatPosition({ source: bus.source, ...position }, bus.offsetFormat)
        );
        return { kind: "accepted", identities };
      } catch (error) {
        if (!isBusError(error)) throw error;
        return { kind: "unclear", reason: error.message, retryAfterMs: RETRY_AFTER_MS };
      }
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
}

function isBusError(error: unknown): error is BusError {
  return error instanceof Error && error.name === "BusError";
}

const encoder = new TextEncoder();

function keyOf(number: number): Uint8Array {
  return encoder.encode(`tidegate-verify-${number % KEY_COUNT}`);
}

function nativeRecord(run: string, scope: Scope, number: number): Uint8Array {
  const time = new Date().toISOString();
  const record = { event: AUDIT_EVENT, scopes: [scope], audience: [], data: { run, number }, time };
  return encodeNativeRecord({ ...record, priority: "normal", version: 1 });
}

function plainRecord(run: string, scope: Scope, number: number): Uint8Array {
  const userId = scope.slice(scope.indexOf(":") + 1);
  const record = { type: PLAIN_TYPE, user_id: userId, run, number, time: new Date().toISOString() };
  return encoder.encode(JSON.stringify(record));
}

const PLAIN_TYPE = "tidegate.verify";

/** Asks the configuration, offline, what it makes of such a record: an audit whose events are withheld proves nothing. */
function mappingTrouble(
  config: Config,
  source: string,
  run: string,
  scope: Scope,
  value: Uint8Array,
): string | undefined {
  const formats = new Map(Object.entries(config.sources).map(([name, { format }]) => [name, format]));
  const pipeline = createPipeline({ mappings: config.mappings, formats });
  const record = { offset: 0n, timestampMs: Date.now(), key: keyOf(1), value, headers: new Map<string, Uint8Array>() };
  const outcome = pipeline.mapRecord(source, record, 0);
  const isThrough = outcome.kind === "messages" &&
    outcome.messages.some((message) =>
      message.event === AUDIT_EVENT && message.scope === scope && message.audience.length === 0 &&
      readNumber({ data: message.data }, run) === 1
    );
  if (isThrough) return undefined;
  const made = outcome.kind === "messages"
    ? `makes ${outcome.messages.map((message) => `${message.event} for ${message.scope}`).join(", ")} of it`
    : outcome.kind === "dropped"
    ? `drops it, by ${outcome.by}`
    : `cannot map it: ${outcome.reason}, ${outcome.detail}`;
  return [
    `the configuration ${made}. Its records need a rule before the others, here and in the gateway, and a user's scope:`,
    "",
    "    mappings:",
    "      rules:",
    "        - name: tidegate-verify",
    `          source: ${source}`,
    `          when: { type: ${PLAIN_TYPE} }`,
    `          event: ${AUDIT_EVENT}`,
    "          scope: user:{user_id}",
    "          fields: { run: run, number: number }",
  ].join("\n");
}
