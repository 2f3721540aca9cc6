import type { Offset } from "../../src/model/position.ts";
import type { GatewayProcess } from "../support/gateway_process.ts";
import type { TcpProxy } from "../support/tcp_proxy.ts";
import type { AcceptedEvent } from "../checker/client_history.ts";
import type { RecordedLog } from "./recorded_log.ts";

/** A real log that a row breaks, with a writer and a memory of what it has accepted, both the suite's own. */
export interface FaultSource extends AsyncDisposable {
  /** What is known to be in the log. */
  readonly log: RecordedLog;
  /** The source in the gateways' configuration, under the log's name. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Further sections of the gateways' configuration, for servers beside the log. */
  readonly sections?: Readonly<Record<string, unknown>>;
  /** Appends and notes where, once the middleware has said so; rejects when nobody knows what became of the records. */
  append(records: readonly OutgoingRecord[]): Promise<void>;
  /** Reads the log itself: takes in what was written although nobody said so, and notes where it begins. */
  takeStock(): Promise<void>;
  /** For a log that is written through the gateways: called when they are ready. */
  attach?(nodes: readonly GatewayProcess[]): Promise<void>;
}

/** A log that the suite can read by itself, on a server that the gateways reach through a proxy. */
export interface ReadableSource extends FaultSource {
  readonly proxy: TcpProxy;
  /** Gives every record that is there now, partition by partition in their order. */
  readAll(take: (record: StoredRecord) => void): Promise<void>;
}

export interface StoredRecord {
  readonly partition: number;
  readonly offset: Offset;
  readonly value: string;
  /** Of a record that an outbox's relay wrote: equal in all copies. */
  readonly identity: string | undefined;
}

export interface OutgoingRecord {
  /** Unique in the run. */
  readonly key: string;
  readonly value: string;
  /** What the gateway shall make of it; `undefined` for a record that is for nobody. */
  readonly event: AcceptedEvent | undefined;
}
