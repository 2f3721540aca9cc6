import type { Offset } from "../../model/position.ts";
import type { KafkaRequest, Throttled } from "./kafka_connection.ts";

export interface FetchQuery {
  /** Hexadecimal. By ID and not by name, so that a topic that was created anew is never read by an old position. */
  readonly topicId: string;
  /** Partition to the first offset wanted. */
  readonly positions: ReadonlyMap<number, Offset>;
  /** How long the broker may hold the request while there is nothing. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
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
}

export interface AbortedTransaction {
  readonly producerId: bigint;
  /** Where the producer's aborted records begin; they end at its next control record. */
  readonly first: Offset;
}

const NONE = -1;
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
        writer.compactArray([...query.positions], ([partition, position]) => {
          writer.int32(partition).int32(NONE).int64(position).int32(NONE).int64(-1n);
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
          reader.skipTaggedFields();
          partitions.push({ partition, errorCode, logStart, lastStable, aborted, batches });
        });
        reader.skipTaggedFields();
      });
      return { throttleMs, errorCode, partitions };
    },
  };
}
