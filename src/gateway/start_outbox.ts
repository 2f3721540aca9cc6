import type { EventBus } from "../bus/event_bus.ts";
import type { Config } from "../config/schema.ts";
import type { GatewayMetrics } from "../metrics/gateway_metrics.ts";
import { OutboxRelay } from "../outbox/outbox_relay.ts";
import { createEventEncoder } from "../pipeline/event_encoder.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { outboxRecords } from "./outbox_records.ts";

/** Starts the outbox's relay where one is configured. It waits for its database and its bus as long as it takes. */
export function startOutbox(
  config: Config,
  buses: ReadonlyMap<string, EventBus>,
  pipeline: Pipeline,
  metrics: GatewayMetrics,
): OutboxRelay | undefined {
  const { outbox: { url, source, ...settings }, mappings, streams } = config;
  const bus = source === undefined ? undefined : buses.get(source);
  if (url === undefined || bus === undefined) return undefined;
  let lag = { waiting: 0, oldestAgeMs: 0 };
  metrics.observe("tidegate_outbox_waiting", "Rows of the outbox that wait", () => lag.waiting);
  metrics.observe(
    "tidegate_outbox_oldest_seconds",
    "Age of the oldest row that waits",
    () => lag.oldestAgeMs / 1_000,
  );
  return new OutboxRelay(
    { ...settings, url, maxRecordBytes: mappings.maxRecordBytes },
    {
      source: bus.source,
      publish: (records) => bus.publish(records),
      isReachable: () => bus.bounds().then(() => true, () => false),
    },
    outboxRecords(
      createEventEncoder(pipeline, bus.source, streams.maxFrameBytes),
      mappings.maxScopesPerRecord,
      mappings.maxRecordBytes,
    ),
    {
      published: (rows) => metrics.outboxPublished.inc(rows),
      failed: (rows) => metrics.outboxFailed.inc(rows),
      lag: (measured) => lag = measured,
      stateChanged: (state) => metrics.outboxUp.set(state === "up" ? 1 : 0),
    },
  );
}
