import type { BusRecord } from "../../model/bus_record.ts";
import type { Offset } from "../../model/position.ts";
import { crc32c } from "./crc32c.ts";
import { decompress } from "./compression_codecs.ts";
import type { AbortedTransaction, FetchedPartition } from "./fetch_request.ts";
import { WireReader } from "./wire_reader.ts";

/** What a fetch of one partition holds for a reader of committed records. */
export interface DecodedBatches {
  readonly records: readonly BusRecord[];
  /**
   * The offset that reading goes on from: behind the last whole batch, whatever of it was left after compaction,
   * transaction markers and aborted records. Proved by the batches' own headers, never by the records.
   */
  readonly next: Offset;
  /** Leader epoch of the last whole batch; `null` when there was none. */
  readonly leaderEpoch: number | null;
  /** A batch at `next` that cannot be read, and where the log goes on behind it; what follows it was not looked at. */
  readonly unreadable: { readonly next: Offset; readonly cause: string } | null;
}

/** Offset and length, before which a batch of any version has nothing. */
const PREFIX_BYTES = 12;
/** The fixed part of a batch of version 2, prefix included. */
const HEADER_BYTES = 61;
const CRC_END = 21;
const BATCH_VERSION = 2;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const ABORT = 0;

const NO_HEADERS: ReadonlyMap<string, Uint8Array> = new Map();
const EMPTY = new Uint8Array();

/**
 * Decodes the record batches of a fetch (https://kafka.apache.org/documentation/#recordbatch) from `position` up to
 * `end`. Keys and values are views of the answer (of the decompressed batch): who keeps one keeps all of it in memory.
 */
export function decodeBatches(
  fetched: Pick<FetchedPartition, "batches" | "aborted">,
  position: Offset,
  end: Offset,
  maxBytesPerBatch: number,
): DecodedBatches {
  const records: BusRecord[] = [];
  const aborted = new AbortedProducers(fetched.aborted);
  const reader = new WireReader(fetched.batches);
  let next = position;
  let leaderEpoch: number | null = null;
  while (reader.remaining >= PREFIX_BYTES && next < end) {
    const base = reader.int64();
    const length = reader.int32();
    if (length > reader.remaining) break; // cut by the fetch's limit; it comes again, then as the first one
    const batch = reader.bytes(length);
    let behind = base + 1n;
    try {
      const header = readHeader(batch, base);
      if (header.last > base) behind = header.last + 1n;
      assertChecksum(batch, header);
      const isAborted = aborted.covers(header, batch);
      if (header.last >= position && !isAborted) {
        readRecords(batch, header, position, end, maxBytesPerBatch, records);
      }
      leaderEpoch = header.leaderEpoch;
    } catch (error) {
      // Its own word for where it ends may be what is damaged: the batch behind it, where there is one, knows better.
      const following = reader.remaining >= PREFIX_BYTES ? reader.int64() : behind;
      if (following > base && following < behind) behind = following;
      return {
        records,
        next,
        leaderEpoch,
        unreadable: { next: behind > next ? behind : next + 1n, cause: String(error) },
      };
    }
    if (behind > next) next = behind;
  }
  return { records, next: next < end ? next : end, leaderEpoch, unreadable: null };
}

interface BatchHeader {
  readonly leaderEpoch: number;
  readonly base: Offset;
  readonly last: Offset;
  readonly crc: number;
  readonly attributes: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly producerId: bigint;
  readonly count: number;
}

function readHeader(batch: Uint8Array, base: Offset): BatchHeader {
  const reader = new WireReader(batch);
  const leaderEpoch = reader.int32();
  const version = reader.int8();
  if (version !== BATCH_VERSION) throw new RangeError(`its format ${version} is of a client older than Kafka 0.11`);
  const crc = reader.uint32();
  const attributes = reader.int16();
  const last = base + BigInt(reader.int32());
  const baseTimestampMs = Number(reader.int64());
  const maxTimestampMs = Number(reader.int64());
  const producerId = reader.int64();
  reader.int16(); // producer epoch
  reader.int32(); // sequence
  const count = reader.int32();
  return { leaderEpoch, base, last, crc, attributes, baseTimestampMs, maxTimestampMs, producerId, count };
}

function assertChecksum(batch: Uint8Array, header: BatchHeader): void {
  if (crc32c(batch.subarray(CRC_END - PREFIX_BYTES)) !== header.crc) throw new RangeError("its checksum is wrong");
}

function readRecords(
  batch: Uint8Array,
  header: BatchHeader,
  position: Offset,
  end: Offset,
  maxBytes: number,
  into: BusRecord[],
): void {
  if (header.count === 0 || (header.attributes & CONTROL) !== 0) return;
  const { base, baseTimestampMs, attributes } = header;
  const packed = batch.subarray(HEADER_BYTES - PREFIX_BYTES);
  const reader = new WireReader(decompress(attributes & CODEC_MASK, packed, maxBytes));
  const read: BusRecord[] = [];
  for (let left = header.count; left > 0; left--) {
    const behind = reader.varint() + reader.position;
    reader.int8(); // attributes, unused
    const timestampDelta = reader.varlong();
    const offset = base + BigInt(reader.varint());
    if (offset < position || offset >= end) {
      reader.bytes(behind - reader.position);
      continue;
    }
    const isAppendTime = (attributes & LOG_APPEND_TIME) !== 0;
    read.push({
      offset,
      timestampMs: isAppendTime ? header.maxTimestampMs : baseTimestampMs + timestampDelta,
      key: reader.varintBytes(),
      value: reader.varintBytes(),
      headers: readHeaders(reader),
    });
  }
  // Only a batch that was read to its end counts: half of one would be delivered twice.
  for (const record of read) into.push(record);
}

function readHeaders(reader: WireReader): ReadonlyMap<string, Uint8Array> {
  let left = reader.varint();
  if (left <= 0) return NO_HEADERS;
  const headers = new Map<string, Uint8Array>();
  const decoder = new TextDecoder();
  for (; left > 0; left--) {
    const name = decoder.decode(reader.varintBytes() ?? EMPTY);
    headers.set(name, reader.varintBytes() ?? EMPTY);
  }
  return headers;
}

/** Knows at each batch which producers' records are of a transaction that was aborted in the end. */
class AbortedProducers {
  readonly #ahead: AbortedTransaction[];
  readonly #producers = new Set<bigint>();

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#ahead = transactions.toSorted((one, other) => one.first < other.first ? -1 : 1);
  }

  /** Called once for every batch, in order. */
  covers(header: BatchHeader, batch: Uint8Array): boolean {
    for (let next = this.#ahead[0]; next !== undefined && next.first <= header.last; next = this.#ahead[0]) {
      this.#producers.add(next.producerId);
      this.#ahead.shift();
    }
    if ((header.attributes & CONTROL) !== 0) {
      if (controlType(batch) === ABORT) this.#producers.delete(header.producerId);
      return true;
    }
    return (header.attributes & TRANSACTIONAL) !== 0 && this.#producers.has(header.producerId);
  }
}

/** A control batch holds one record, whose key is a version and a type. */
function controlType(batch: Uint8Array): number {
  const reader = new WireReader(batch.subarray(HEADER_BYTES - PREFIX_BYTES));
  reader.varint(); // length
  reader.int8(); // attributes
  reader.varlong(); // timestamp
  reader.varint(); // offset
  const key = new WireReader(reader.varintBytes() ?? EMPTY);
  key.int16(); // version
  return key.int16();
}
