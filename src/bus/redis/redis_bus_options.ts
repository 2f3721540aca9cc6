/** Where a Redis source is and how long to wait for it. */
export interface RedisBusOptions {
  /** Name of the source; first part of every event identity. */
  readonly source: string;
  /**
   * `redis://user:password@host:port/database`, or `rediss://` for TLS with an authority that the process trusts
   * (`DENO_CERT` names the file of a private one).
   */
  readonly url: string;
  /** Keys of the Redis Streams; each is one partition, numbered in this order. */
  readonly streams: readonly string[];
  /** Longest wait for a connection; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Longest wait for the answer to a command; then the connection is given up. Default 5,000. */
  readonly commandTimeoutMs?: number;
  /** How long one blocking read may wait for entries. Default 2,000: a deleted stream is noticed as soon. */
  readonly blockTimeoutMs?: number;
  /** Publishing trims each stream to about this many entries (`MAXLEN ~`). Default: whoever owns the stream trims it. */
  readonly maxLengthApprox?: number;
  /** Names of the fields that hold a record's value and key; every other field is a header. Default `value`, `key`. */
  readonly fields?: EntryFields;
}

/** See {@link RedisBusOptions.fields}. */
export interface EntryFields {
  readonly value: string;
  readonly key: string;
}

/** The options with their defaults. */
export type RedisBusSettings = Required<Omit<RedisBusOptions, "maxLengthApprox">> & {
  readonly maxLengthApprox: number | undefined;
  /** Host and port: all of the URL that may be shown. */
  readonly address: string;
};
