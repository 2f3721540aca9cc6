import * as z from "zod";
import { adminSchema } from "./admin_schema.ts";
import { authSchema } from "./auth_schema.ts";
import { historySchema } from "./history_schema.ts";
import { mappingSchema } from "./mapping_schema.ts";
import { nodeName } from "./node_name.ts";
import { devSchema, logSchema, metricsSchema } from "./operation_schema.ts";
import { outboxSchema } from "./outbox_schema.ts";
import { publishSchema } from "./publish_schema.ts";
import { drainSchema, journalSchema, replaySchema } from "./replay_schema.ts";
import { section } from "./section.ts";
import { serverSchema } from "./server_schema.ts";
import { sourcesSchema } from "./sources_schema.ts";
import { streamsSchema } from "./streams_schema.ts";

/**
 * The whole configuration. It reads what stands in the file (`heartbeat: 15s`) and gives what the program uses
 * (`heartbeatMs: 15000`), every default filled in; `configSchema.parse({})` is the zero configuration.
 *
 * The documents, the JSON Schema and the environment's names are all made from it, so a setting exists here or nowhere.
 */
export const configSchema = section({
  server: serverSchema.prefault({})
    .describe("Where the gateway listens, and whom it believes."),
  auth: authSchema.prefault({})
    .describe("Whose tokens are believed, how they arrive, and what they grant."),
  sources: sourcesSchema.prefault({ events: { embedded: {}, format: "tidegate" } })
    .describe(
      "The upstream logs, by name; the name is the first part of every event's identity. Each has exactly one of kafka, redis, embedded.",
    ),
  publish: publishSchema.prefault({})
    .describe("POST /api/v1/events."),
  outbox: outboxSchema.prefault({})
    .describe("The relay from a transactional outbox in PostgreSQL into a source."),
  mappings: mappingSchema.prefault({})
    .describe("Which records become which events, for whom, with which fields."),
  streams: streamsSchema.prefault({})
    .describe("Open streams: limits, heartbeat, lifetime."),
  journal: journalSchema.prefault({})
    .describe("This node's memory of recent events, from which reconnects are served."),
  history: historySchema.prefault({})
    .describe("What is kept for replays, outside of the process."),
  replay: replaySchema.prefault({})
    .describe("What one reconnect may ask for."),
  drain: drainSchema.prefault({})
    .describe("How streams are closed when the process is told to stop."),
  log: logSchema.prefault({})
    .describe("Log lines on standard error."),
  metrics: metricsSchema.prefault({})
    .describe("Prometheus metrics."),
  admin: adminSchema.prefault({})
    .describe("The operator's routes and the console."),
  dev: devSchema.prefault({})
    .describe("Development mode."),
}).transform((settings) => {
  const publish = withDefaultSource(settings.publish, settings.sources, settings.mappings.deadLetter.source);
  return {
    ...settings,
    server: { ...settings.server, node: settings.server.node ?? nodeName() },
    log: { ...settings.log, format: settings.log.format ?? (settings.dev.enabled ? "text" : "json") },
    publish,
    outbox: publish.source === undefined ? settings.outbox : { source: publish.source, ...settings.outbox },
  };
});

/** The effective configuration: complete, checked, durations in milliseconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>;
/** The configuration as written in a file. */
export type ConfigInput = z.input<typeof configSchema>;

type PublishConfig = z.output<typeof publishSchema>;

/** Publishing goes to the only embedded log that can hold published events; with none or several it stays off. */
function withDefaultSource(
  publish: PublishConfig,
  sources: z.output<typeof sourcesSchema>,
  deadLetterSource: string | undefined,
): PublishConfig {
  if (publish.source !== undefined) return publish;
  const candidates = Object.entries(sources).flatMap(([name, { kind, format }]) =>
    kind === "embedded" && format === "tidegate" && name !== deadLetterSource ? [name] : []
  );
  const [source] = candidates;
  return source === undefined || candidates.length > 1 ? publish : { ...publish, source };
}
