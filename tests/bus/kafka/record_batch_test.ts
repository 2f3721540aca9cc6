import assert from "node:assert/strict";
import { crc32c } from "../../../src/bus/kafka/crc32c.ts";
import { decodeBatches } from "../../../src/bus/kafka/record_batch.ts";
import { MAX_INTEGER_OFFSET } from "../../../src/model/position.ts";

const LIMIT_BYTES = 1_000_000;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const LOG_APPEND_TIME = 0x08;
const HEADER_BYTES = 61;
const encoder = new TextEncoder();

interface BatchFixture {
  readonly base: bigint;
  /** Values by their offset delta; a gap between two deltas is what compaction left out. */
  readonly values: Readonly<Record<number, string>>;
  /** Default: the largest delta of `values`. */
  readonly lastDelta?: number;
  readonly attributes?: number;
  readonly producerId?: bigint;
  readonly version?: number;
  readonly leaderEpoch?: number;
}

/** Lengths and numbers of these fixtures are below 64: a zigzag number is one byte. */
function bytesOf(value: string): number[] {
  return [value.length * 2, ...encoder.encode(value)];
}

function batchOf(fixture: BatchFixture): Uint8Array {
  const { base, values, lastDelta, attributes = 0, producerId = -1n, version = 2, leaderEpoch = 0 } = fixture;
  const deltas = Object.keys(values).map(Number);
  const records = deltas.flatMap((delta) => {
    const record = [0, 0, delta * 2, 1, ...bytesOf(values[delta] ?? ""), 0];
    return [record.length * 2, ...record];
  });
  return headed(
    { base, lastDelta: lastDelta ?? Math.max(...deltas), attributes, producerId, version, leaderEpoch },
    deltas.length,
    records,
  );
}

function controlBatch(base: bigint, producerId: bigint, type: 0 | 1): Uint8Array {
  const record = [0, 0, 0, 8, 0, 0, 0, type, 0, 0];
  const attributes = CONTROL | TRANSACTIONAL;
  return headed({ base, lastDelta: 0, attributes, producerId, version: 2, leaderEpoch: 0 }, 1, [
    record.length * 2,
    ...record,
  ]);
}

function headed(
  header: Required<Omit<BatchFixture, "values">>,
  count: number,
  records: readonly number[],
): Uint8Array {
  const batch = new Uint8Array(HEADER_BYTES + records.length);
  const view = new DataView(batch.buffer);
  view.setBigInt64(0, header.base);
  view.setInt32(8, batch.length - 12);
  view.setInt32(12, header.leaderEpoch);
  view.setInt8(16, header.version);
  view.setInt16(21, header.attributes);
  view.setInt32(23, header.lastDelta);
  view.setBigInt64(27, 1_000n);
  view.setBigInt64(35, 5_000n);
  view.setBigInt64(43, header.producerId);
  view.setInt32(57, count);
  batch.set(records, HEADER_BYTES);
  view.setUint32(17, crc32c(batch.subarray(21)));
  return batch;
}

function decode(batches: readonly Uint8Array[], options: {
  position?: bigint;
  end?: bigint;
  aborted?: readonly { readonly producerId: bigint; readonly first: bigint }[];
} = {}) {
  const whole = new Uint8Array(batches.reduce((sum, batch) => sum + batch.length, 0));
  let at = 0;
  for (const batch of batches) {
    whole.set(batch, at);
    at += batch.length;
  }
  const fetched = { batches: whole, aborted: options.aborted ?? [] };
  const decoded = decodeBatches(fetched, options.position ?? 0n, options.end ?? MAX_INTEGER_OFFSET, LIMIT_BYTES);
  const texts = decoded.records.map(({ offset, value }) => `${offset}${new TextDecoder().decode(value ?? undefined)}`);
  return { ...decoded, texts };
}

Deno.test("crc32c: gives the check value of RFC 3720", () => {
  assert.equal(crc32c(encoder.encode("123456789")), 0xe3069283);
});

Deno.test("decodeBatches: next is behind the last batch, also where its last records were compacted away", () => {
  const { texts, next } = decode([batchOf({ base: 10n, values: { 1: "b", 4: "e" }, lastDelta: 9 })], { position: 10n });
  assert.deepEqual(texts, ["11b", "14e"]);
  assert.equal(next, 20n);
});

Deno.test("decodeBatches: a batch without any record left still moves the position", () => {
  assert.deepEqual(decode([batchOf({ base: 10n, values: {}, lastDelta: 9 })], { position: 10n }), {
    records: [],
    texts: [],
    next: 20n,
    leaderEpoch: 0,
    unreadable: null,
  });
});

Deno.test("decodeBatches: the leader epoch to go on with is that of the last whole batch", () => {
  const batches = [3, 5, 8].map((leaderEpoch, base) =>
    batchOf({ base: BigInt(base), values: { 0: "a" }, leaderEpoch })
  );
  assert.deepEqual([decode(batches).next, decode(batches).leaderEpoch], [3n, 8]);
  const [first, second, third] = batches;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const cut = decode([first, second, third.subarray(0, -1)]);
  assert.deepEqual([cut.next, cut.leaderEpoch], [2n, 5]);
  assert.equal(decode([]).leaderEpoch, null);
});

Deno.test("decodeBatches: what stands before the position or behind the end is left out", () => {
  const batch = batchOf({ base: 0n, values: { 0: "a", 1: "b", 2: "c", 3: "d" } });
  const { texts, next } = decode([batch], { position: 1n, end: 3n });
  assert.deepEqual(texts, ["1b", "2c"]);
  assert.equal(next, 3n);
});

Deno.test("decodeBatches: a batch that the fetch's limit cut is left for the next fetch", () => {
  const second = batchOf({ base: 1n, values: { 0: "b" } });
  for (let length = 0; length < second.length; length++) {
    const { texts, next, unreadable } = decode([batchOf({ base: 0n, values: { 0: "a" } }), second.subarray(0, length)]);
    assert.deepEqual([texts, next, unreadable], [["0a"], 1n, null]);
  }
});

Deno.test("decodeBatches: an aborted producer's records are left out up to its marker, others' between them are not", () => {
  const of = (base: bigint, producerId: bigint, value: string) => {
    return batchOf({ base, values: { 0: value }, attributes: TRANSACTIONAL, producerId });
  };
  const batches = [
    of(0n, 7n, "x"),
    of(1n, 8n, "a"),
    batchOf({ base: 2n, values: { 0: "plain" }, producerId: 7n }),
    of(3n, 7n, "y"),
    controlBatch(4n, 8n, 1),
    controlBatch(5n, 7n, 0),
    of(6n, 7n, "b"),
    controlBatch(7n, 7n, 1),
  ];
  const { texts, next } = decode(batches, { aborted: [{ producerId: 7n, first: 0n }] });
  assert.deepEqual(texts, ["1a", "2plain", "6b"]);
  assert.equal(next, 8n);
});

Deno.test("decodeBatches: a damaged batch is named with where the log goes on, after what was read before it", () => {
  const damaged = batchOf({ base: 1n, values: { 0: "b", 1: "c" } });
  damaged[HEADER_BYTES + 2] = 0xff;
  const batches = [batchOf({ base: 0n, values: { 0: "a" } }), damaged, batchOf({ base: 3n, values: { 0: "d" } })];
  const first = decode(batches);
  assert.deepEqual(first.texts, ["0a"]);
  assert.equal(first.next, 1n);
  assert.equal(first.unreadable?.next, 3n);
  assert.match(first.unreadable?.cause ?? "", /checksum/);
  new DataView(damaged.buffer).setInt32(23, 2 ** 30);
  assert.equal(decode(batches).unreadable?.next, 3n, "the next batch's offset bounds what the damaged one says");
});

Deno.test("decodeBatches: a batch of an old format or an unknown codec is unreadable, not an endless loop", () => {
  const old = decode([batchOf({ base: 5n, values: { 0: "a" }, version: 1 })], { position: 5n });
  assert.equal(old.unreadable?.next, 6n);
  const strange = decode([batchOf({ base: 5n, values: { 0: "a", 1: "b" }, attributes: 7 })], { position: 5n });
  assert.equal(strange.unreadable?.next, 7n);
});

Deno.test("decodeBatches: the broker's time wins where the topic says so", () => {
  const [created] = decode([batchOf({ base: 0n, values: { 0: "a" } })]).records;
  const [appended] = decode([batchOf({ base: 0n, values: { 0: "a" }, attributes: LOG_APPEND_TIME })]).records;
  assert.deepEqual([created?.timestampMs, appended?.timestampMs], [1_000, 5_000]);
});
