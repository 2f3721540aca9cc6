import { getLogger } from "@logtape/logtape";
import type { EventBus } from "../bus/event_bus.ts";
import type { BusRecord } from "../model/bus_record.ts";
import type { DeadLetterReason } from "../pipeline/mapping_outcome.ts";

const log = getLogger(["tidegate", "dead-letter"]);

export class DeadLetterWriter implements AsyncDisposable {
  constructor(_bus: EventBus | undefined, _maxOriginalBytes: number) {}

  write(source: string, partition: number, record: BusRecord, reason: DeadLetterReason, detail: string): void {
    log.warn("Dead letter {source}:{partition}:{offset}: {reason}", {
      source,
      partition,
      offset: record.offset.toString(),
      reason,
      detail,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
