import assert from "node:assert/strict";
import { Broadcaster } from "../../src/broadcast/broadcaster.ts";
import type { FollowEvent, PartitionBounds } from "../../src/bus/event_bus.ts";
import { ingest } from "../../src/gateway/ingest.ts";
import type { BusRecord } from "../../src/model/bus_record.ts";
import type { Offset } from "../../src/model/position.ts";
import type { MappingOutcome } from "../../src/pipeline/mapping_outcome.ts";
import { Journal } from "../../src/replay/journal.ts";
import type { Frame } from "../../src/wire/frame.ts";
import { messageTo, positions, scopeOf, WIDE } from "../replay/frames.ts";

const EVERYTHING = { scopes: [scopeOf("user:1")], accepts: () => true };

function record(offset: Offset): BusRecord {
  return { offset, timestampMs: 0, key: null, value: null, headers: new Map() };
}

/** The way in of one source with one reader of `user:1`, and what was observed; dispose of it, its broadcaster has a timer. */
function setUp(outcomeOf: (record: BusRecord) => MappingOutcome = toUser) {
  const journal = new Journal({ ...WIDE, maxFrameBytes: 1_000 }, positions([0n]));
  const broadcaster = new Broadcaster(0);
  const observed: string[] = [];
  const delivered: Frame[] = [];
  const scopes = [scopeOf("user:1")];
  const deliver = (frames: readonly Frame[]) => void delivered.push(...frames);
  broadcaster.join({ joinedAfterSeq: 0, scopes, mayRead: () => true, deliver }, scopes, []);
  const sink = ingest({
    source: "s0",
    sourceIndex: 0,
    journal,
    broadcaster,
    pipeline: {
      mapRecord: (_source, record) => outcomeOf(record),
      mapBatch: (_source, _partition, records) => records.map(outcomeOf),
    },
    forgetPast: (partition) => observed.push(`forget ${partition}`),
    observer: {
      mapped: () => observed.push("mapped"),
      dropped: (by) => observed.push(`dropped ${by}`),
      deadLetter: (partition, { offset }, reason) => observed.push(`dead-letter ${partition}:${offset} ${reason}`),
      gap: (reason) => observed.push(`gap ${reason}`),
      stateChanged: (state, detail) => observed.push(`${state}: ${detail}`),
    },
  });
  const take = async (event: FollowEvent) => {
    await sink(event);
    broadcaster.flush();
  };
  return { journal, observed, delivered, take, [Symbol.dispose]: () => broadcaster[Symbol.dispose]() };
}

function toUser(): MappingOutcome {
  return { kind: "messages", rule: "all", messages: [messageTo("user:1")] };
}

function records(offsets: readonly Offset[], next: Offset, partition = 0): FollowEvent {
  return { kind: "records", partition, records: offsets.map(record), next };
}

function bounds(...firsts: readonly Offset[]): ReadonlyMap<number, PartitionBounds> {
  return new Map(firsts.map((first, partition) => [partition, { first, tail: first, next: first }]));
}

/** What was told of gaps: partition, first and last offset, reason. */
function gapsIn(frames: readonly Frame[]): readonly string[] {
  const text = frames.map(({ bytes }) => new TextDecoder().decode(bytes)).join("");
  return [...text.matchAll(/^data: (.*"reason".*)$/gm)].map(([, json]) => {
    const { partition, from, to, reason } = JSON.parse(json ?? "");
    return `${partition}: ${from} to ${to}, ${reason}`;
  });
}

Deno.test("ingest: each record reaches the journal and its cohort, and the position goes past the holes behind it", async () => {
  using way = setUp();
  const { journal, delivered, observed, take } = way;
  await take(records([0n, 1n, 4n], 7n));
  assert.deepEqual(delivered.map(({ offset }) => offset), [0n, 1n, 4n]);
  assert.deepEqual(journal.read(EVERYTHING, positions([0n]), 10).frames, delivered);
  assert.equal(journal.positions.next(0, 0), 7n);
  assert.deepEqual(observed, ["mapped", "mapped", "mapped"]);
});

Deno.test("ingest: a record that is dropped or cannot be mapped is counted and blocks nothing", async () => {
  using way = setUp(({ offset }) =>
    offset === 0n
      ? { kind: "dropped", by: "rule:secret" }
      : offset === 1n
      ? { kind: "dead-letter", reason: "not-json", detail: "x" }
      : toUser()
  );
  const { journal, delivered, observed, take } = way;
  await take(records([0n, 1n, 2n], 3n));
  assert.deepEqual(observed, ["dropped rule:secret", "dead-letter 0:1 not-json", "mapped"]);
  assert.deepEqual(delivered.map(({ offset }) => offset), [2n]);
  assert.equal(journal.positions.next(0, 0), 3n);
});

Deno.test("ingest: a message that can be no frame is withheld and dead-lettered, one that is too large too", async () => {
  using way = setUp(({ offset }) => ({
    kind: "messages",
    rule: "all",
    messages: [messageTo("user:1", { data: offset === 0n ? 1n : offset === 1n ? "x".repeat(2_000) : 3 })],
  }));
  const { delivered, observed, take } = way;
  await take(records([0n, 1n, 2n], 3n));
  assert.deepEqual(delivered.map(({ offset }) => offset), [2n]);
  assert.deepEqual(observed.filter((text) => text !== "mapped"), [
    "dead-letter 0:0 internal-error",
    "dead-letter 0:1 too-large",
  ]);
});

Deno.test("ingest: a bus that repeats itself does not repeat it to anyone", async () => {
  using way = setUp();
  const { delivered, take } = way;
  await take(records([0n, 1n, 2n], 3n));
  await take(records([1n, 2n, 3n], 4n));
  assert.deepEqual(delivered.map(({ offset }) => offset), [0n, 1n, 2n, 3n]);
});

Deno.test("ingest: a large batch lets the loop run in between", async () => {
  using way = setUp();
  const { delivered, take } = way;
  const offsets = Array.from({ length: 1_000 }, (_, index) => BigInt(index));
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await take(records(offsets, 1_000n));
  clearInterval(timer);
  assert.ok(turns >= 2, `${turns}`);
  assert.deepEqual(delivered.map(({ offset }) => offset), offsets);
});

Deno.test("ingest: a gap is told to everybody, behind what came before it and before what follows", async () => {
  using way = setUp();
  const { journal, delivered, observed, take } = way;
  await take(records([0n], 1n));
  await take({ kind: "gap", partition: 0, from: 1n, next: 5n, reason: "retention", lost: 4 });
  await take(records([5n], 6n));
  assert.deepEqual(delivered.map(({ event }) => event), ["task.done", "stream.gap-detected", "task.done"]);
  assert.deepEqual(gapsIn(delivered), ["0: 1 to 4, retention"]);
  assert.deepEqual(observed, ["mapped", "gap retention", "forget 0", "mapped"]);
  assert.equal(journal.read(EVERYTHING, positions([1n]), 10).frames.length, 2);
});

Deno.test("ingest: partitions that are added are followed from their first record, whatever their order", async () => {
  using way = setUp();
  const { journal, delivered, take } = way;
  const added = new Map([...bounds(0n, 0n, 0n)].slice(1).reverse());
  await take({ kind: "partitions-added", partitions: added });
  await take(records([0n], 1n, 2));
  assert.deepEqual(journal.positions.sources[0]?.next, [0n, 0n, 1n]);
  assert.deepEqual(delivered.map(({ partition }) => partition), [2]);
});

Deno.test("ingest: what an added partition lost before it was first read is told", async () => {
  using way = setUp();
  const { journal, delivered, take } = way;
  await take({ kind: "partitions-added", partitions: new Map([[1, { first: 4n, tail: 4n, next: 9n }]]) });
  assert.deepEqual(gapsIn(delivered), ["1: 0 to 3, retention"]);
  assert.deepEqual([journal.positions.next(0, 1), journal.floor(0, 1)], [4n, 4n]);
});

Deno.test("ingest: a log that was created anew is told for every partition, in one frame, behind what was pending", async () => {
  using way = setUp();
  const { journal, delivered, observed, take } = way;
  await take(records([0n, 1n], 2n));
  await take({ kind: "epoch-changed", bounds: { epoch: "new", partitions: bounds(0n, 3n) } });
  await take(records([0n], 1n));
  assert.deepEqual(delivered.map(({ event }) => event), ["task.done", "task.done", "stream.gap-detected", "task.done"]);
  assert.deepEqual(gapsIn(delivered), ["0: 0 to 0, epoch", "1: 0 to 2, epoch"]);
  assert.deepEqual(observed.filter((text) => text.startsWith("gap")), ["gap epoch", "gap epoch"]);
  assert.deepEqual(journal.positions.sources[0], { source: "s0", format: "integer", epoch: "new", next: [1n, 3n] });
});

Deno.test("ingest: the state of a source is observed", async () => {
  using way = setUp();
  const { observed, take } = way;
  await take({ kind: "state", state: "down", detail: "refused" });
  assert.deepEqual(observed, ["down: refused"]);
});
