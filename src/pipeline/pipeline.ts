/**
 * The transformation pipeline: what a record of a bus becomes, and for whom.
 *
 *     value bytes ─ decode, parse ─ envelope off ─ first matching rule ─ scopes, audience ─ event, time ─ fields ─ messages
 *
 * - Pure and synchronous: the same record and configuration always make the same outcome. No clock, no I/O.
 * - It never throws and fails closed: whatever goes wrong withholds the record, from everyone, with a reason.
 * - Minimisation is by allow-list: what no rule names does not leave.
 * - Rules are compiled into closures once; nothing in them is evaluated, no text of a record chooses code.
 * - Integers beyond 2^53 are exact wherever they are used. JSON.parse rounds them, so the first use of such a number
 *   makes the record be read again, exactly; records without them pay nothing.
 */
import type { Mappings, RecordFormat } from "../config/mapping_schema.ts";
import { createSensitiveNames, type SensitiveNames } from "../config/sensitive_names.ts";
import type { BusRecord } from "../model/bus_record.ts";
import { SSEMessage } from "../model/sse_message.ts";
import { type CompiledRule, compileRule } from "./compile_rule.ts";
import { deadLetter, type MappingOutcome, Unmappable } from "./mapping_outcome.ts";
import { minimise, type MinimiseLimits } from "./minimise.ts";
import { decodeNativeRecord } from "./native_record.ts";
import { openRecord } from "./open_record.ts";
import type { OpenedRecord } from "./opened_record.ts";

/** What a pipeline is made from. */
export interface PipelineConfig {
  /** The section `mappings`, checked. */
  readonly mappings: Mappings;
  /** Source name → its `format`; a source that is not here is read as `auto`. */
  readonly formats: ReadonlyMap<string, RecordFormat>;
}

/** Maps records; stateless, so one serves all sources. */
export interface Pipeline {
  /** What the record becomes. Never throws. */
  mapRecord(source: string, record: BusRecord, partition: number): MappingOutcome;
  /** Outcomes aligned with the records. Never throws. */
  mapBatch(source: string, partition: number, records: readonly BusRecord[]): readonly MappingOutcome[];
}

/** Compiles the configuration's rules. Throws only for a configuration that its schema has not checked. */
export function createPipeline(config: PipelineConfig): Pipeline {
  const routes = compileRoutes(config);
  const fallback = compileRoute([], config, "auto");
  const mapRecord = (source: string, record: BusRecord): MappingOutcome => {
    const route = routes.get(source) ?? fallback;
    try {
      return route(record);
    } catch (error) {
      if (error instanceof Unmappable) return error.outcome;
      return { kind: "dead-letter", reason: "internal-error", detail: error instanceof Error ? error.name : "unknown" };
    }
  };
  return {
    mapRecord,
    mapBatch: (source, _partition, records) => records.map((record) => mapRecord(source, record)),
  };
}

type Route = (record: BusRecord) => MappingOutcome;

function compileRoutes(config: PipelineConfig): ReadonlyMap<string, Route> {
  const isSensitive = createSensitiveNames(config.mappings.sensitiveNames);
  const rules = new Map<string, CompiledRule[]>();
  for (const source of config.formats.keys()) rules.set(source, []);
  for (const rule of config.mappings.rules) {
    const compiled = compileRule(rule, config.mappings, isSensitive);
    for (const source of new Set([rule.source].flat())) {
      const ofSource = rules.get(source);
      if (ofSource === undefined) rules.set(source, [compiled]);
      else ofSource.push(compiled);
    }
  }
  return new Map(Array.from(rules, ([source, ofSource]) => {
    const format = config.formats.get(source) ?? "auto";
    return [
      source,
      format === "tidegate" ? compileNative(config.mappings, isSensitive) : compileRoute(ofSource, config, format),
    ];
  }));
}

function compileRoute(rules: readonly CompiledRule[], config: PipelineConfig, format: RecordFormat): Route {
  const { maxRecordBytes, unmatched } = config.mappings;
  return exactly(maxRecordBytes, format, (opened) => {
    for (const rule of rules) if (rule.matches(opened)) return rule.apply(opened);
    if (unmatched === "drop") return { kind: "dropped", by: "unmatched" };
    throw deadLetter("no-rule", "no rule of its source matches the record");
  });
}

/** Records that the gateway itself wrote: they name their event and scopes; only sensitive names are taken out. */
function compileNative(mappings: Mappings, isSensitive: SensitiveNames): Route {
  const limits: MinimiseLimits = {
    isSensitive: mappings.exposePublished ? undefined : isSensitive,
    maxDepth: mappings.maxDepth,
  };
  return exactly(mappings.maxRecordBytes, "tidegate", (opened) => {
    const native = decodeNativeRecord(opened.data, mappings.maxScopesPerRecord);
    if (typeof native === "string") throw deadLetter("invalid-envelope", `the published record ${native}`);
    const data = minimise(native.data, opened, limits);
    const messages = native.scopes.map((scope) => new SSEMessage({ ...native, scope, data }));
    return { kind: "messages", rule: "published", messages };
  });
}

/** Opens and applies; once more, exactly, when what was applied met a number that reading may have rounded. */
function exactly(maxRecordBytes: number, format: RecordFormat, apply: (opened: OpenedRecord) => MappingOutcome): Route {
  return (record) => {
    const opened = openRecord(record, format, maxRecordBytes, false);
    try {
      const outcome = apply(opened);
      if (!opened.isInexact) return outcome;
    } catch (error) {
      if (!opened.isInexact) throw error;
    }
    return apply(openRecord(record, format, maxRecordBytes, true));
  };
}
