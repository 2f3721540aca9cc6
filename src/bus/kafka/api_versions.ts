import type { KafkaRequest, Throttled } from "./kafka_connection.ts";
import type { ApiVersions } from "./kafkajs_connection.d.ts";

/** Asks which versions of which requests the broker speaks; version 0 is the one that every broker answers. */
export const API_VERSIONS: KafkaRequest<Throttled & { readonly versions: ApiVersions }> = {
  apiKey: 18,
  apiName: "ApiVersions",
  version: 0,
  isFlexible: false,
  write: () => {},
  read: (reader) => {
    reader.int16(); // error code; version 0 is never refused
    const versions: Record<number, { minVersion: number; maxVersion: number }> = {};
    for (let left = reader.int32(); left > 0; left--) {
      versions[reader.int16()] = { minVersion: reader.int16(), maxVersion: reader.int16() };
    }
    return { versions, throttleMs: 0 };
  },
};
