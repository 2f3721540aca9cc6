import assert from "node:assert/strict";
import type * as z from "zod";
import { mappingSchema, type RecordFormat } from "../../src/config/mapping_schema.ts";
import type { BusRecord } from "../../src/model/bus_record.ts";
import type { SSEMessage } from "../../src/model/sse_message.ts";
import type { MappingOutcome } from "../../src/pipeline/mapping_outcome.ts";
import { createPipeline, type Pipeline } from "../../src/pipeline/pipeline.ts";

/** The section `mappings` as it is written. */
export type MappingsInput = z.input<typeof mappingSchema>;
/** A rule as it is written. */
export type RuleInput = NonNullable<MappingsInput["rules"]>[number];

const ENCODER = new TextEncoder();

/** A pipeline of one source `s` with these mappings. */
export function pipelineOf(mappings: MappingsInput, format: RecordFormat = "auto"): Pipeline {
  return createPipeline({ mappings: mappingSchema.parse(mappings), formats: new Map([["s", format]]) });
}

/** A rule for source `s` that sends to everybody, changed as given. */
export function rule(changes: Partial<RuleInput> = {}): RuleInput {
  return { name: "r", source: "s", event: "thing.happened", scope: "global", ...changes };
}

/** What one rule with these changes makes of a record. */
export function mapped(changes: Partial<RuleInput>, value: unknown, mappings: MappingsInput = {}): MappingOutcome {
  return pipelineOf({ ...mappings, rules: [rule(changes)] }).mapRecord("s", record(value), 0);
}

/** The one message of an outcome. */
export function onlyMessage(outcome: MappingOutcome): SSEMessage {
  assert.equal(outcome.kind, "messages", JSON.stringify(outcome));
  const [message, ...more] = outcome.kind === "messages" ? outcome.messages : [];
  assert(message !== undefined);
  assert.equal(more.length, 0);
  return message;
}

/** A record; a value that is text or bytes is taken as it is, anything else as JSON. */
export function record(value: unknown, rest: { key?: string; headers?: Record<string, string> } = {}): BusRecord {
  const headers = Object.entries(rest.headers ?? {}).map(([name, text]): [string, Uint8Array] => [name, bytes(text)]);
  return {
    offset: 7n,
    timestampMs: Date.UTC(2026, 0, 1),
    key: rest.key === undefined ? null : bytes(rest.key),
    value: value === null || value instanceof Uint8Array
      ? value
      : bytes(typeof value === "string" ? value : JSON.stringify(value)),
    headers: new Map(headers),
  };
}

/** UTF-8. */
export function bytes(text: string): Uint8Array {
  return ENCODER.encode(text);
}
