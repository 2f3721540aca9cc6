import type { Offset } from "../../model/position.ts";
import type { KafkaRequest, Throttled } from "./kafka_connection.ts";

export interface ListOffsetsAnswer extends Throttled {
  readonly partitions: ReadonlyMap<number, { readonly errorCode: number; readonly offset: Offset }>;
}

const FROM_CLIENT = -1;
const READ_COMMITTED = 1;
const NO_LEADER_EPOCH = -1;
const TIMESTAMPS = { first: -2n, next: -1n } as const;

/**
 * Asks a leader where its partitions begin (`first`), or where a reader of committed records stands at the end
 * (`next`: the last stable offset, before the first open transaction). ListOffsets, version 6.
 */
export function listOffsetsRequest(
  topic: string,
  partitions: readonly number[],
  end: keyof typeof TIMESTAMPS,
): KafkaRequest<ListOffsetsAnswer> {
  return {
    apiKey: 2,
    apiName: "ListOffsets",
    version: 6,
    isFlexible: true,
    write: (writer) => {
      writer.int32(FROM_CLIENT).int8(READ_COMMITTED);
      writer.compactArray([topic], (name) => {
        writer.compactString(name);
        writer.compactArray(partitions, (partition) => {
          writer.int32(partition).int32(NO_LEADER_EPOCH).int64(TIMESTAMPS[end]).noTaggedFields();
        });
        writer.noTaggedFields();
      });
      writer.noTaggedFields();
    },
    read: (reader) => {
      const throttleMs = reader.int32();
      const answers = new Map<number, { errorCode: number; offset: Offset }>();
      reader.compactArray(() => {
        reader.compactString(); // topic
        reader.compactArray(() => {
          const partition = reader.int32();
          const errorCode = reader.int16();
          reader.int64(); // timestamp
          answers.set(partition, { errorCode, offset: reader.int64() });
          reader.int32(); // leader epoch
          reader.skipTaggedFields();
        });
        reader.skipTaggedFields();
      });
      return { throttleMs, partitions: answers };
    },
  };
}
