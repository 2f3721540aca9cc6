import assert from "node:assert/strict";
import type { Gap } from "../../src/model/gap.ts";
import { offsetOfEntry } from "../../src/model/position.ts";
import * as control from "../../src/wire/control_events.ts";
import { EventStreamParser } from "../checker/event_stream_parser.ts";

const OPENED: control.StreamOpened = {
  connectionId: "c1",
  heartbeatMs: 15_000,
  resumed: true,
  scopes: ["global"],
  events: [],
  expiresAt: "2026-01-01T00:00:00.000Z",
  serverVersion: "1",
  node: "n",
};
const GAP: Gap = { source: "a", partition: 2, from: 5n, next: 9n, reason: "trimmed", lost: 3, resync: true };

function blockOf(bytes: Uint8Array) {
  const [block, ...more] = new EventStreamParser().push(bytes);
  assert.ok(block !== undefined && more.length === 0, new TextDecoder().decode(bytes));
  return { ...block, data: block.data === undefined ? undefined : JSON.parse(block.data) };
}

Deno.test("control events: each is one block of its name with the data of the protocol", () => {
  const blocks: readonly (readonly [bytes: Uint8Array, event: string, id: string | undefined, data: object])[] = [
    [control.streamOpened(OPENED, "~B", 4_180), "stream.opened", "~B", OPENED],
    [control.streamOpened(OPENED, undefined, 4_180), "stream.opened", undefined, OPENED],
    [control.caughtUp(7, "redis", "~B"), "stream.caught-up", "~B", { replayed: 7, from: "redis" }],
    [
      control.eventsDropped({ priority: "low", count: 2, from: "a:0:1", to: "a:0:4" }),
      "stream.events-dropped",
      undefined,
      {
        priority: "low",
        count: 2,
        from: "a:0:1",
        to: "a:0:4",
      },
    ],
    [control.sourceChanged("a", "down"), "stream.source-changed", undefined, { source: "a", state: "down" }],
    [control.accessChanged(["user:1"], []), "stream.access-changed", undefined, { granted: ["user:1"], revoked: [] }],
    [control.tokenExpiring("2026"), "stream.token-expiring", undefined, { expiresAt: "2026" }],
    [control.streamClosing("draining", 9_000), "stream.closing", undefined, {
      reason: "draining",
      retryAfterMs: 9_000,
    }],
    [control.streamFailed({ code: "internal", message: "m", retryable: true }), "stream.failed", undefined, {
      code: "internal",
      message: "m",
      retryable: true,
    }],
  ];
  for (const [bytes, event, id, data] of blocks) {
    const block = blockOf(bytes);
    assert.deepEqual({ event: block.event, id: block.id, data: block.data }, { event, id, data });
  }
});

Deno.test("streamOpened, streamClosing: the reconnect delay leaves with them", () => {
  assert.equal(blockOf(control.streamOpened(OPENED, "~B", 4_180)).retryMs, 4_180);
  assert.equal(blockOf(control.streamClosing("overloaded", 20_000)).retryMs, 20_000);
});

Deno.test("gapDetected: names the first and the last offset that may be missing, as the source writes them", () => {
  assert.deepEqual(blockOf(control.gapDetected(GAP, "integer", "~B")), {
    id: "~B",
    event: "stream.gap-detected",
    retryMs: undefined,
    data: { source: "a", partition: 2, from: "5", to: "8", reason: "trimmed", lost: 3, resync: true },
  });
  const entries = { ...GAP, from: offsetOfEntry(7n, 1n), next: offsetOfEntry(8n, 0n) };
  const { from, to } = blockOf(control.gapDetected(entries, "ms-seq", undefined)).data;
  assert.deepEqual([from, to], ["7-1", "7-18446744073709551615"]);
});

Deno.test("gapDetected: a range of nothing names its beginning", () => {
  const { from, to } = blockOf(control.gapDetected({ ...GAP, from: 5n, next: 5n }, "integer", "~B")).data;
  assert.deepEqual([from, to], ["5", "5"]);
});

Deno.test("invalidCursor: says that anything anywhere may be missing", () => {
  const nothing = { source: null, partition: null, from: null, to: null, lost: null };
  assert.deepEqual(blockOf(control.invalidCursor("~B")).data, { ...nothing, reason: "invalid-cursor", resync: true });
});

Deno.test("checkpoint: sets the id and dispatches nothing; HEARTBEAT does neither", () => {
  assert.deepEqual(blockOf(control.checkpoint("~B")), {
    id: "~B",
    event: undefined,
    data: undefined,
    retryMs: undefined,
  });
  assert.deepEqual(new EventStreamParser().push(control.HEARTBEAT), []);
});
