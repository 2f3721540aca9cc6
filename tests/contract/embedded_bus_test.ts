import { join } from "node:path";
import { EmbeddedBus } from "../../src/bus/embedded/embedded_bus.ts";
import type { LogRetention, LogStore } from "../../src/bus/embedded/log_store.ts";
import { MemoryLog } from "../../src/bus/embedded/memory_log.ts";
import { openSqliteFile } from "../../src/bus/embedded/sqlite_file.ts";
import { SqliteLog } from "../../src/bus/embedded/sqlite_log.ts";
import { describeEventBusContract } from "./event_bus_contract.ts";
import type { EventBusHarness } from "./event_bus_harness.ts";

type ChangeableRetention = { -readonly [Limit in keyof LogRetention]: LogRetention[Limit] };

/** A log whose retention the test turns down for a moment to trim it. */
class EmbeddedLogUnderTest implements AsyncDisposable {
  readonly retention: ChangeableRetention = { maxRecords: Infinity, maxBytes: Infinity, maxAgeMs: Infinity };
  readonly #folder: string | undefined;
  readonly #open: (retention: LogRetention) => LogStore;
  store: LogStore | undefined;

  constructor(partitions: number, folder: string | undefined) {
    this.#folder = folder;
    this.#open = folder === undefined
      ? (retention) => new MemoryLog(partitions, retention)
      : (retention) => new SqliteLog(openSqliteFile(join(folder, "log.db"), partitions), retention);
  }

  openBus(): EmbeddedBus {
    this.store = this.#open(this.retention);
    return new EmbeddedBus("embedded", this.store);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folder !== undefined) await Deno.remove(this.#folder, { recursive: true });
  }
}

const harness: Omit<EventBusHarness<EmbeddedLogUnderTest>, "createLog" | "keepsRecordsInProcess" | "randomRuns"> = {
  openBus: (log) => Promise.resolve(log.openBus()),
  openSecondBus: { impossible: "one process has the log, whole" },
  trim: (log, _partition, keep) => {
    log.retention.maxRecords = keep;
    log.store?.trim();
    log.retention.maxRecords = Infinity;
    return Promise.resolve();
  },
  recreate: { impossible: "the log cannot go while a process has it" },
  writeWithHoles: { impossible: "offsets are dense" },
  addPartitions: { impossible: "a log keeps the number of partitions that it was made with" },
  server: { impossible: "there is no server" },
};

describeEventBusContract<EmbeddedLogUnderTest>("embedded bus in memory", {
  ...harness,
  createLog: ({ partitions }) => Promise.resolve(new EmbeddedLogUnderTest(partitions, undefined)),
  keepsRecordsInProcess: true,
  randomRuns: 200,
});

describeEventBusContract<EmbeddedLogUnderTest>("embedded bus in a file", {
  ...harness,
  createLog: async ({ partitions }) => new EmbeddedLogUnderTest(partitions, await Deno.makeTempDir()),
  keepsRecordsInProcess: false,
  randomRuns: 50,
});
