import type { Offset } from "../../model/position.ts";
import type { KafkaRequest, Throttled } from "./kafka_connection.ts";

export interface FetchQuery {
  /** Hexadecimal. By ID and not by name, so that a topic that was created anew is never read by an old position. */
  readonly topicId: string;
  readonly positions: ReadonlyMap<number, FetchPosition>;
  /** How long the broker may hold the request while there is nothing. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
}

/** Where reading of a partition goes on. */
export interface FetchPosition {
  /** The first offset wanted. */
  readonly offset: Offset;
  /** Leader epoch of what was read before it, or {@link NO_LEADER_EPOCH}; the leader tells whether its log has that too. */
  readonly leaderEpoch: number;
}

export interface FetchAnswer extends Throttled {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  /** -1 with most errors. */
  readonly logStart: Offset;
  readonly lastStable: Offset;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as the log has them; the last one may be cut. */
  readonly batches: Uint8Array;
  /**
   * The log was cut back below the position after it was read: up to here it is the one that was read, by the leader's
   * word for the position's epoch. `null` for a log that holds what was read.
   */
  readonly diverging: FetchPosition | null;
}

export interface AbortedTransaction {
  readonly producerId: bigint;
  /** Where the producer's aborted records begin; they end at its next control record. */
  readonly first: Offset;
}

/** Nothing was read yet, or nobody knows of what epoch it was: the leader cannot compare. */
export const NO_LEADER_EPOCH = -1;

const NONE = -1;
const DIVERGING_EPOCH_TAG = 0;
const READ_COMMITTED = 1;
const EMPTY = new Uint8Array();

/** Asks a leader for committed records (Fetch, version 13: Kafka 3.1), without a fetch session. */
export function fetchRequest(query: FetchQuery): KafkaRequest<FetchAnswer> {
  return {
    apiKey: 1,
    apiName: "Fetch",
    version: 13,
    isFlexible: true,
    write: (writer) => {
      writer.int32(NONE).int32(query.maxWaitMs).int32(1).int32(query.maxBytes).int8(READ_COMMITTED);
      writer.int32(0).int32(NONE); // no session
      writer.compactArray([query.topicId], (topicId) => {
        writer.uuid(topicId);
        writer.compactArray([...query.positions], ([partition, { offset, leaderEpoch }]) => {
          writer.int32(partition).int32(NONE).int64(offset).int32(leaderEpoch).int64(-1n);
          writer.int32(query.maxBytesPerPartition).noTaggedFields();
        });
        writer.noTaggedFields();
      });
      writer.compactArray([], () => {}).compactString("").noTaggedFields(); // nothing forgotten, no rack
    },
    read: (reader) => {
      const throttleMs = reader.int32();
      const errorCode = reader.int16();
      reader.int32(); // session
      const partitions: FetchedPartition[] = [];
      reader.compactArray(() => {
        reader.uuid();
        reader.compactArray(() => {
          const partition = reader.int32();
          const errorCode = reader.int16();
          reader.int64(); // high watermark
          const lastStable = reader.int64();
          const logStart = reader.int64();
          const aborted = reader.compactArray(() => {
            const transaction = { producerId: reader.int64(), first: reader.int64() };
            reader.skipTaggedFields();
            return transaction;
          });
          reader.int32(); // preferred replica
          const batches = reader.compactBytes() ?? EMPTY;
          let diverging: FetchPosition | null = null;
          reader.taggedFields((tag, field) => {
            if (tag === DIVERGING_EPOCH_TAG) diverging = { leaderEpoch: field.int32(), offset: field.int64() };
          });
          partitions.push({ partition, errorCode, logStart, lastStable, aborted, batches, diverging });
        });
        reader.skipTaggedFields();
      });
      return { throttleMs, errorCode, partitions };
    },
  };
}
