import { getLogger } from "@logtape/logtape";
import type { Config } from "../config/schema.ts";
import type { RedisHistory } from "../history/redis_history.ts";
import type { GatewayMetrics } from "../metrics/gateway_metrics.ts";

const log = getLogger(["tidegate", "history"]);

/** Starts the history where one is configured; its client library is loaded only then. It waits for nothing. */
export async function startHistory(
  { history: { redis: { url, ...settings } } }: Config,
  metrics: GatewayMetrics,
): Promise<RedisHistory | undefined> {
  if (url === undefined) return undefined;
  const { RedisHistory } = await import("../history/redis_history.ts");
  const history = new RedisHistory({ url, ...settings }, {
    stateChanged: (state, detail) => {
      metrics.historyUp.set(state === "up" ? 1 : 0);
      if (state === "up") log.info("The history is up");
      else log.warn("The history is {state}: {detail}", { state, detail });
    },
    written: (entries) => metrics.historyWritten.inc(entries),
    dropped: () => metrics.historyDropped.inc(),
  });
  const { spool } = history;
  metrics.observe(
    "tidegate_history_spool_bytes",
    "Bytes that wait to be written to the history",
    () => spool.byteCount,
  );
  metrics.observe(
    "tidegate_history_lag_seconds",
    "Age of the oldest event that waits to be written to the history",
    () => spool.oldestAtMs === undefined ? 0 : Math.max(0, Date.now() - spool.oldestAtMs) / 1_000,
  );
  return history;
}

/** All that decides what the records of a source become: another mapping's history is another history. */
export function mappingOf({ sources, mappings, streams }: Config, source: string): unknown {
  const { deadLetter: _, ...rest } = mappings;
  const format = Object.hasOwn(sources, source) ? sources[source]?.format : undefined;
  return [format, rest, streams.maxFrameBytes];
}
