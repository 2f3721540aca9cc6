import type { MappingRule } from "../config/mapping_rule_schema.ts";
import type { Mappings } from "../config/mapping_schema.ts";
import { parseFieldPath } from "../config/mapping_template.ts";
import type { SensitiveNames } from "../config/sensitive_names.ts";
import { SSEMessage } from "../model/sse_message.ts";
import { compileFields } from "./compile_fields.ts";
import { compileScopes } from "./compile_scopes.ts";
import { compileText } from "./compile_text.ts";
import { formatEventTime, formatTimeMs } from "./event_time.ts";
import { compileReader, type FieldReader } from "./field_reader.ts";
import { deadLetter, type MappingOutcome } from "./mapping_outcome.ts";
import { misfitOf } from "./misfit_of.ts";
import type { OpenedRecord } from "./opened_record.ts";

/** A rule made ready: everything that its text says is looked up once, here. */
export interface CompiledRule {
  readonly matches: (opened: OpenedRecord) => boolean;
  /** @throws Unmappable */
  readonly apply: (opened: OpenedRecord) => MappingOutcome;
}

/** A conflation key beyond this is none: keys are held for every queued message. */
const MAX_CONFLATION_KEY_LENGTH = 256;

/** Compiles one rule of a checked configuration. */
export function compileRule(rule: MappingRule, mappings: Mappings, isSensitive: SensitiveNames): CompiledRule {
  const matches = compileConditions(rule.when);
  if (rule.drop === true || rule.event === undefined || rule.scope === undefined) {
    const dropped: MappingOutcome = { kind: "dropped", by: `rule:${rule.name}` };
    return { matches, apply: () => dropped };
  }
  const limits = { isSensitive, maxDepth: mappings.maxDepth };
  const scopesOf = compileScopes([rule.scope].flat(), mappings.maxScopesPerRecord);
  const audienceOf = compileScopes([rule.audience].flat(), mappings.maxScopesPerRecord);
  const eventOf = compileEvent(rule.event);
  const timeOf = compileTime(rule.time);
  const dataOf = compileFields(rule.fields, limits);
  const conflationKeyOf = rule.conflationKey === undefined ? () => undefined : compileText(rule.conflationKey, limits);
  const { name, version, priority, validate } = rule;

  const apply = (opened: OpenedRecord): MappingOutcome => {
    const scopes = scopesOf(opened);
    if (scopes.length > mappings.maxScopesPerRecord) throw deadLetter("too-many-scopes", `${scopes.length} scopes`);
    const audience = audienceOf(opened);
    const event = eventOf(opened);
    const time = timeOf(opened);
    const data = dataOf(opened, opened.data);
    if (validate) assertFits(event, data);
    const key = conflationKeyOf(opened, opened.data);
    const messages = scopes.map((scope) =>
      key === undefined || key.length > MAX_CONFLATION_KEY_LENGTH
        ? new SSEMessage({ event, data, scope, time, version, audience, priority })
        : new SSEMessage({ event, data, scope, time, version, audience, priority, conflationKey: key })
    );
    return { kind: "messages", rule: name, messages };
  };
  return { matches, apply };
}

function compileConditions(when: MappingRule["when"]): CompiledRule["matches"] {
  const conditions = Object.entries(when).map(([text, condition]) => {
    const read = readerOf(text);
    if (Array.isArray(condition)) {
      // A handful is compared faster than one fresh text is hashed.
      return (opened: OpenedRecord) => (condition as readonly unknown[]).includes(read(opened, opened.data));
    }
    if (typeof condition === "object") {
      return (opened: OpenedRecord) => {
        const value = read(opened, opened.data);
        return (value !== undefined && value !== null) === condition.exists;
      };
    }
    return (opened: OpenedRecord) => read(opened, opened.data) === condition;
  });
  const [only] = conditions;
  if (only !== undefined && conditions.length === 1) return only;
  return (opened) => conditions.every((holds) => holds(opened));
}

function compileEvent(event: NonNullable<MappingRule["event"]>): (opened: OpenedRecord) => string {
  if (typeof event === "string") return () => event;
  const read = readerOf(event.from);
  const table = new Map(Object.entries(event.table));
  return (opened) => {
    const value = read(opened, opened.data);
    const name = typeof value === "object" ? undefined : table.get(String(value));
    if (name !== undefined) return name;
    if (event.default !== undefined) return event.default;
    throw deadLetter(
      "unknown-event",
      `${event.from} is ${JSON.stringify(value)?.slice(0, 100)}, which the table does not have`,
    );
  };
}

function compileTime(path: string | undefined): (opened: OpenedRecord) => string {
  if (path === undefined) {
    return (opened) => {
      const stated = opened.envelope?.("time");
      const time = (stated === undefined ? undefined : formatEventTime(stated)) ??
        formatTimeMs(opened.record.timestampMs);
      if (time === undefined) throw deadLetter("missing-time", "the record has no time of its own");
      return time;
    };
  }
  const read = readerOf(path);
  return (opened) => {
    const time = formatEventTime(read(opened, opened.data));
    if (time === undefined) {
      throw deadLetter("missing-time", `${path} holds no RFC 3339 time or milliseconds since 1970`);
    }
    return time;
  };
}

function assertFits(event: string, data: unknown): void {
  const misfit = misfitOf(event, data);
  if (misfit !== undefined) throw deadLetter("schema-mismatch", misfit);
}

function readerOf(text: string): FieldReader {
  const path = parseFieldPath(text);
  if ("problem" in path) throw new TypeError(`Cannot compile the path ${JSON.stringify(text)}: it ${path.problem}`);
  return compileReader(path);
}
