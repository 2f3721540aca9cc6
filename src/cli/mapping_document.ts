import type { FieldSpec } from "../config/mapping_field_schema.ts";
import { eventNamesOf, type MappingRule } from "../config/mapping_rule_schema.ts";
import type { Config } from "../config/schema.ts";
import { EVENT_SCHEMAS } from "../model/events.ts";
import { createPipeline } from "../pipeline/pipeline.ts";
import type { RecordLine } from "../pipeline/record_line.ts";
import { trimmedOfRecord } from "../pipeline/trimmed_fields.ts";

/**
 * The mapping of a configuration as a Markdown page, for the people who write the producers and the clients: which
 * record becomes which event, who sees it, what leaves. The samples show what stays behind.
 */
export function mappingDocument(config: Config, samples: readonly RecordLine[], origin: string): string {
  const trimmed = trimmedByRule(config, samples);
  const { rules, sensitiveNames } = config.mappings;
  const sections = rules.map((rule) => ruleSection(rule, config, trimmed.get(rule.name)));
  return [
    "<!-- deno-fmt-ignore-file -->",
    `<!-- Made by \`${origin}\`; a test holds it equal. -->`,
    "# Which record becomes which event",
    INTRODUCTION,
    table(
      ["source", "record", "event", "scope", "needed besides", "rule"],
      rules.map((rule) => [
        code(sources(rule)),
        conditions(rule),
        code(eventNamesOf(rule)) || "none: dropped",
        code(rule.scope),
        code(rule.audience),
        `[${rule.name}](#${rule.name})`,
      ]),
    ),
    ...publishedSources(config),
    NAMING_RULE,
    `## What never leaves\n\nWhat no rule lists. And, however it is listed, whatever has one of these words in its name, unless a field says \`expose: sensitive\`: ${
      code(sensitiveNames)
    }.`,
    `## What becomes of the others\n\n${others(config)}`,
    ...sections,
  ].join("\n\n") + "\n";
}

const INTRODUCTION =
  "A record goes by the first rule of its source that matches. A reader gets the event when the token grants its scope, and " +
  "every scope that is needed besides. A record that lacks a field of a scope or of what is needed besides goes to nobody.";

const NAMING_RULE = [
  "## Names",
  "An event's name is `domain.action-past`: the thing that it happened to, a dot, what happened in the past tense, in lower " +
  "case with hyphens (`task.progress-updated`). It says what happened, not what a client should do about it. Fields are " +
  "sent in camelCase whatever the producer calls them, so that clients see one style. A field may be added in a version; " +
  "removing or retyping one needs a new `version`. The domain `stream` is the gateway's own.",
].join("\n\n");

function ruleSection(rule: MappingRule, config: Config, trimmed: ReadonlySet<string> | undefined): string {
  const where = [rule.source].flat().map((name) => place(name, config)).join(", ");
  const head = `## ${rule.name}\n\n${where}; ${conditions(rule) || "every record"}`;
  if (rule.drop === true) return `${head}: dropped, counted.`;
  const stays = trimmed === undefined || trimmed.size === 0
    ? []
    : [`Stays behind, of the samples: ${code([...trimmed])}.`];
  return [
    `${head} → ${code(eventNamesOf(rule))}, version ${rule.version}${built(rule)}.`,
    `Who may see it: ${readers(rule, config)}.${delivery(rule)}`,
    table(["sent field", "made from"], fieldRows(rule.fields, "")),
    ...stays,
  ].join("\n\n");
}

function built(rule: MappingRule): string {
  const types = eventNamesOf(rule).filter((name) => Object.hasOwn(EVENT_SCHEMAS, name));
  if (types.length === 0) return "";
  return rule.validate ? ", checked against its schema" : ", a built-in event";
}

function readers(rule: MappingRule, config: Config): string {
  const addressed = [rule.scope ?? []].flat().map((scope) => `${code(scope)} (${grantsOf(scope, config)})`).join(
    " or ",
  );
  const besides = [rule.audience].flat().map((scope) => `${code(scope)} (${grantsOf(scope, config)})`);
  return besides.length === 0 ? addressed : `${addressed}, and only with ${besides.join(" and ")}`;
}

/** Which of the configured grants can give a scope of this kind. */
function grantsOf(scope: string, config: Config): string {
  if (scope === "global") return "everybody whose token grants it";
  const kind = scope.slice(0, scope.indexOf(":") + 1);
  const grants = config.auth.grants.map(({ template }) => template.text).filter((text) => text.startsWith(kind));
  return grants.length === 0 ? "granted by no token" : `granted by ${code(grants)}`;
}

function delivery({ priority, conflationKey }: MappingRule): string {
  const newest = conflationKey === undefined
    ? ""
    : ` A slow reader gets only the newest of each ${code(conflationKey)}.`;
  if (priority === "normal") return newest;
  const words = priority === "low"
    ? "the first that a slow reader loses, announced"
    : "before others in a full send queue";
  return ` Priority ${priority}: ${words}.${newest}`;
}

function fieldRows(fields: Readonly<Record<string, FieldSpec>>, prefix: string): readonly (readonly string[])[] {
  return Object.entries(fields).flatMap(([name, spec]) => {
    const detail = typeof spec === "string" ? { from: spec } : spec;
    const nested = detail.fields === undefined ? [] : fieldRows(detail.fields, `${prefix}${name}.`);
    return [[code(prefix + name), origin(detail)], ...nested];
  });
}

function origin(detail: Exclude<FieldSpec, string>): string {
  const parts = [
    detail.from === undefined ? undefined : code(detail.from),
    detail.template === undefined ? undefined : `the text ${code(detail.template)}`,
    detail.const === undefined ? undefined : `always ${code(JSON.stringify(detail.const))}`,
    detail.table && Object.entries(detail.table).map(([from, to]) => `${code(from)} as ${code(String(to))}`).join(", "),
    detail.as === undefined ? undefined : `as ${detail.as}`,
    detail.maxLength === undefined ? undefined : `cut to ${detail.maxLength} characters`,
    detail.default === undefined ? undefined : `${code(JSON.stringify(detail.default))} when missing`,
    detail.deep === true ? "whole, less sensitive names" : undefined,
    detail.expose === undefined ? undefined : "**sensitive, exposed**",
  ];
  return parts.filter((part) => part !== undefined).join("; ");
}

function others({ mappings }: Config): string {
  const where = mappings.deadLetter.source === undefined
    ? "only logged"
    : `kept in ${code(mappings.deadLetter.source)}`;
  const unmatched = mappings.unmatched === "drop" ? "dropped and counted" : "a dead letter";
  return `A record that no rule matches is ${unmatched}; one that cannot be read or mapped is a dead letter. Dead letters are ${where}, with their identity and the reason; the log never holds their content.`;
}

function publishedSources(config: Config): readonly string[] {
  const names = Object.entries(config.sources).filter(([, { format }]) => format === "tidegate").map(([name]) => name);
  if (names.length === 0) return [];
  return [
    `What backends publish by \`POST /api/v1/events\` goes through ${
      code(names)
    }: it names its own event, scopes and data.`,
  ];
}

function conditions({ when }: MappingRule): string {
  return Object.entries(when).map(([path, condition]) => {
    if (Array.isArray(condition)) return `${code(path)} is one of ${code(condition.map(String))}`;
    if (typeof condition === "object") return `${code(path)} is ${condition.exists ? "there" : "missing"}`;
    return `${code(path)} is ${code(String(condition))}`;
  }).join(" and ");
}

function sources(rule: MappingRule): readonly string[] {
  return [rule.source].flat();
}

function place(name: string, config: Config): string {
  const source = config.sources[name];
  switch (source?.kind) {
    case "kafka":
      return `${code(name)} (Kafka topic ${code(source.kafka.topic)}, ${source.format})`;
    case "redis":
      return `${code(name)} (Redis Stream ${code(source.redis.streams)}, ${source.format})`;
    case "embedded":
      return `${code(name)} (embedded log, ${source.format})`;
    case undefined:
      return code(name);
  }
}

/** Rule → the fields of its samples that stay behind. */
function trimmedByRule(config: Config, samples: readonly RecordLine[]): ReadonlyMap<string, ReadonlySet<string>> {
  const formats = new Map(Object.entries(config.sources).map(([name, { format }]) => [name, format]));
  const pipeline = createPipeline({ mappings: config.mappings, formats });
  const trimmed = new Map<string, Set<string>>();
  for (const { source, record } of samples) {
    const outcome = pipeline.mapRecord(source, record, 0);
    if (outcome.kind !== "messages") continue;
    const rule = config.mappings.rules.find(({ name }) => name === outcome.rule);
    if (rule === undefined) continue;
    const paths = trimmed.get(rule.name) ?? new Set();
    trimmed.set(rule.name, paths);
    const reading = { format: formats.get(source) ?? "auto", maxRecordBytes: config.mappings.maxRecordBytes };
    for (const path of trimmedOfRecord(record, reading, rule)) paths.add(path);
  }
  return trimmed;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function code(text: string | readonly string[] | undefined): string {
  return [text ?? []].flat().map((each) => `\`${each.replaceAll("`", "'")}\``).join(", ");
}
