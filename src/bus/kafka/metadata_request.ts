import type { BrokerAddress, KafkaRequest, Throttled } from "./kafka_connection.ts";

export interface MetadataAnswer extends Throttled {
  readonly clusterId: string;
  /** Node ID to where that broker listens. */
  readonly brokers: ReadonlyMap<number, BrokerAddress>;
  /** 0, or a code of `kafka_error.ts`. */
  readonly errorCode: number;
  /** Hexadecimal; another one means that the topic was created anew. */
  readonly topicId: string;
  readonly partitions: ReadonlyMap<number, PartitionLeader>;
}

export interface PartitionLeader {
  /** Node ID, or -1 while there is none. */
  readonly leader: number;
}

/** Asks for the brokers, and for one topic's ID, partitions and leaders (Metadata, version 12: Kafka 3.1). */
export function metadataRequest(topic: string): KafkaRequest<MetadataAnswer> {
  return {
    apiKey: 3,
    apiName: "Metadata",
    version: 12,
    isFlexible: true,
    write: (writer) => {
      writer.compactArray([topic], (name) => writer.uuid(NO_ID).compactString(name).noTaggedFields());
      writer.int8(0); // do not create it
      writer.int8(0); // no authorized operations
      writer.noTaggedFields();
    },
    read: (reader) => {
      const throttleMs = reader.int32();
      const brokers = new Map<number, BrokerAddress>();
      reader.compactArray(() => {
        brokers.set(reader.int32(), { host: reader.compactString() ?? "", port: reader.int32() });
        reader.compactString(); // rack
        reader.skipTaggedFields();
      });
      const clusterId = reader.compactString() ?? "";
      reader.int32(); // controller
      let errorCode = 0;
      let topicId = NO_ID;
      const partitions = new Map<number, PartitionLeader>();
      reader.compactArray(() => {
        errorCode = reader.int16();
        reader.compactString(); // name
        topicId = reader.uuid();
        reader.int8(); // internal
        reader.compactArray(() => {
          reader.int16(); // error code: says the same as a leader of -1
          partitions.set(reader.int32(), { leader: reader.int32() });
          reader.int32(); // leader epoch
          for (let list = 0; list < 3; list++) reader.compactArray(() => reader.int32()); // replicas, in sync, offline
          reader.skipTaggedFields();
        });
        reader.int32(); // authorized operations
        reader.skipTaggedFields();
      });
      return { throttleMs, clusterId, brokers, errorCode, topicId, partitions };
    },
  };
}

const NO_ID = "0".repeat(32);
