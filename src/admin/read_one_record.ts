import type { BusRecord } from "../model/bus_record.ts";
import type { EventBus } from "../bus/event_bus.ts";
import type { GapReason } from "../model/gap.ts";
import type { Offset } from "../model/position.ts";

/** What stands at one position of a log. */
export type ReadRecord =
  | { readonly kind: "record"; readonly record: BusRecord }
  | { readonly kind: "gap"; readonly reason: GapReason }
  | { readonly kind: "hole" }
  | { readonly kind: "failed"; readonly reason: string };

/** Somebody waits for the answer at a screen. */
const TIMEOUT_MS = 5_000;

/** Reads one record. Never rejects: a source that is away is an answer too. */
export async function readOneRecord(bus: EventBus, partition: number, offset: Offset): Promise<ReadRecord> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    for await (const event of bus.readRange(partition, offset, offset + 1n, abort.signal)) {
      if (event.kind === "gap") return { kind: "gap", reason: event.reason };
      const record = event.records.find((each) => each.offset === offset);
      if (record !== undefined) return { kind: "record", record };
    }
    return { kind: "hole" };
  } catch (error) {
    return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}
