import type { EventBus, PublishRecord } from "../../src/bus/event_bus.ts";
import type { Offset } from "../../src/model/position.ts";

/** What the contract needs of one middleware; `Log` is whatever its implementer needs to find the log again. */
export interface EventBusHarness<Log extends AsyncDisposable> {
  /** A new empty log that no other test touches. `ownServer`: on a server that the test may stop. */
  createLog(options: { readonly partitions: number; readonly ownServer: boolean }): Promise<Log>;

  /** Opens the log as one node does. The test disposes of the bus before it disposes of the log. */
  openBus(log: Log): Promise<EventBus>;

  /** Opens it once more, beside the first, as a second node does. */
  readonly openSecondBus: Ability<(log: Log) => Promise<EventBus>>;

  /** Makes the log forget all but the newest `keep` (at least 1) records of the partition. */
  readonly trim: Ability<(log: Log, partition: number, keep: number) => Promise<void>>;

  /** Deletes the log and creates it anew, empty, under the same name, while buses are open. */
  readonly recreate: Ability<(log: Log) => Promise<void>>;

  /** Writes to partition 0 so that offsets between and after records stay empty; resolves with what can be read. */
  readonly writeWithHoles: Ability<(log: Log) => Promise<readonly { offset: Offset; value: Uint8Array }[]>>;

  readonly addPartitions: Ability<(log: Log, totalPartitions: number) => Promise<void>>;

  /** The server of a log that has its own; its data survive both ends. */
  readonly server: Ability<{
    stop(log: Log): Promise<void>;
    kill(log: Log): Promise<void>;
    start(log: Log): Promise<void>;
  }>;

  /** True when the log itself is memory of this process, which then cannot stay flat. */
  readonly keepsRecordsInProcess: boolean;
  /** How often the test of random interleavings runs: as often as the middleware's speed allows. */
  readonly randomRuns: number;
}

/** What a test does to a log, or why this middleware has no such thing. Nothing is left out without a reason. */
export type Ability<What> = What | { readonly impossible: string };

export function isPossible<What>(ability: Ability<What>): ability is Exclude<Ability<What>, { impossible: string }> {
  return !(typeof ability === "object" && ability !== null && "impossible" in ability);
}

/** Records `prefix0`, `prefix1`, … of one key. */
export function numbered(prefix: string, count: number, key: string | null = "k"): PublishRecord[] {
  const encoder = new TextEncoder();
  return Array.from({ length: count }, (_, index) => ({
    key: key === null ? null : encoder.encode(key),
    value: encoder.encode(`${prefix}${index}`),
  }));
}
