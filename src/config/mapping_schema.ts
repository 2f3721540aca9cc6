import * as z from "zod";
import { byteSize } from "./byte_size.ts";
import { findMappingProblems } from "./mapping_problems.ts";
import { mappingRuleSchema } from "./mapping_rule_schema.ts";
import { sourceName } from "./mapping_text.ts";
import { section } from "./section.ts";
import { DEFAULT_SENSITIVE_NAMES } from "./sensitive_names.ts";

/** How the records of a source are read: the values of a source's `format`. */
export const RECORD_FORMATS = ["auto", "json", "cloudevents", "debezium-outbox", "tidegate"] as const;
/** One of {@link RECORD_FORMATS}. */
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/** The `format` key of a source. */
export const recordFormatSchema = z.enum(RECORD_FORMATS).default("auto")
  .describe(
    "How records are read. `json`: the value is the data. `cloudevents`: structured or binary (`ce_` headers). `debezium-outbox`: the outbox event router's records, or raw change records. `auto`: whichever of these three it is. `tidegate`: what POST /api/v1/events writes; such a record names its own event and scopes, so use it only where nobody but the gateway can write.",
  );

const sectionSchema = section({
  rules: z.array(mappingRuleSchema).max(1_000).default([])
    .describe("Tried in order for each record; the first that matches wins."),
  unmatched: z.enum(["dead-letter", "drop"]).default("dead-letter")
    .describe("What becomes of a record that no rule matches. Both are counted."),
  sensitiveNames: z.array(
    z.string().max(64).regex(/[\p{L}\p{N}]/u, { error: "must hold a letter or digit" }),
  ).max(256).default([...DEFAULT_SENSITIVE_NAMES])
    .describe(
      "Names that never leave unless a field says `expose: sensitive`, compared word by word without case: `token` covers `accessToken`, `API-Token` and `tokens`. Refused when listed, removed from what is sent with `deep`, also inside JSON text.",
    ),
  exposePublished: z.boolean().default(false)
    .describe("`true` lets sensitive names pass in what POST /api/v1/events publishes."),
  maxRecord: byteSize("1KiB", "64MiB").prefault("2MiB")
    .describe("Larger records are dead letters, unread. The default is twice what Kafka takes by default."),
  maxDepth: z.int().min(1).max(256).default(32)
    .describe("A sent value that is nested deeper makes its record a dead letter."),
  maxScopesPerRecord: z.int().min(1).max(10_000).default(1_000)
    .describe("A record that addresses more scopes is a dead letter: one record must not become a flood."),
  deadLetter: section({
    source: sourceName().exactOptional()
      .describe(
        "Configured source whose log takes the dead letters; it is written, not followed. Without it and without `file` they are only logged.",
      ),
    file: z.string().min(1).exactOptional()
      .describe(
        "File of this node that takes the dead letters too, one JSON line each; the folder is made. Only under a folder that the process may write to, which is `data` as we ship it.",
      ),
    maxFile: byteSize("64KiB", "1024GiB").prefault("64MiB")
      .describe(
        "Largest file. What does not fit is only logged and counted: the first letters of a bad deploy are the ones that explain it. Moved away, the file begins anew.",
      ),
    maxOriginal: byteSize("0B", "1MiB").prefault("64KiB")
      .describe("How much of the original a dead letter keeps of the value, and as much again of key and headers."),
  }).prefault({})
    .describe("Records that cannot be mapped. The log gets identity and reason, never content."),
});

/** `mappings`: which records become which events, for whom, with which fields. */
export const mappingSchema = sectionSchema.superRefine((mappings, context) => {
  for (const { path, message } of findMappingProblems(mappings)) {
    context.addIssue({ code: "custom", path: [...path], message });
  }
});

/** The section `mappings`, checked and with its defaults. */
export type Mappings = z.output<typeof sectionSchema>;
