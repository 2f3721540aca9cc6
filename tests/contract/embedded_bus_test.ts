import { EmbeddedBus } from "../../src/bus/embedded/embedded_bus.ts";
import type { LogRetention } from "../../src/bus/embedded/log_store.ts";
import { MemoryLog } from "../../src/bus/embedded/memory_log.ts";
import { describeEventBusContract } from "./event_bus_contract.ts";

class MemoryLogUnderTest implements AsyncDisposable {
  readonly retention: { -readonly [Limit in keyof LogRetention]: LogRetention[Limit] } = {
    maxRecords: Infinity,
    maxBytes: Infinity,
    maxAgeMs: Infinity,
  };
  readonly store: MemoryLog;

  constructor(partitions: number) {
    this.store = new MemoryLog(partitions, this.retention);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

describeEventBusContract<MemoryLogUnderTest>("embedded bus in memory", {
  createLog: ({ partitions }) => Promise.resolve(new MemoryLogUnderTest(partitions)),
  openBus: (log) => Promise.resolve(new EmbeddedBus("embedded", log.store)),
  openSecondBus: { impossible: "the log is memory of one process" },
  trim: (log, _partition, keep) => {
    log.retention.maxRecords = keep;
    log.store.expire();
    log.retention.maxRecords = Infinity;
    return Promise.resolve();
  },
  recreate: { impossible: "the log ends with its bus" },
  writeWithHoles: { impossible: "offsets are dense" },
  addPartitions: { impossible: "the number of partitions is fixed while the log is open" },
  server: { impossible: "there is no server" },
  keepsRecordsInProcess: true,
  randomRuns: 200,
});
