import assert from "node:assert/strict";
import { PositionVector } from "../../src/model/position_vector.ts";
import { CursorWriter } from "../../src/wire/cursor.ts";
import { checkHistory } from "./check_history.ts";
import type { AcceptedRecord, Truth } from "./client_history.ts";
import type { Block } from "./event_stream_parser.ts";

/** What a client gets one after the other: an event's key and offset, or where a gap sets it back to. */
type Step = readonly [key: string, offset: bigint] | { readonly backTo: bigint };

function record([key, offset]: readonly [string, bigint]): AcceptedRecord {
  const event = { key, event: "task.done", scopes: ["global"], audience: [], priority: "normal" } as const;
  return { offset, event: { ...event, conflationKey: undefined } };
}

/** The log took back offsets 1 and 2, and gave them a second time. */
const CUT_BACK: Truth = {
  sources: [{
    source: "s",
    format: "integer",
    epochs: [{
      epoch: "e",
      partitions: [{
        records: [record(["kept", 0n]), record(["anew", 1n]), record(["anew too", 2n]), record(["later", 3n])],
        takenBack: [record(["gone", 1n]), record(["gone too", 2n])],
        first: 0n,
        next: 4n,
      }],
    }],
  }],
  replayLimits: { maxEvents: 100, maxScannedRecords: 100 },
};

function judge(truth: Truth, steps: readonly Step[]): readonly string[] {
  const cursor = new CursorWriter(
    new PositionVector([{ source: "s", format: "integer", epoch: "e", next: [0n] }]),
  );
  const block = (event: string, data: object, id: string): Block => {
    return { event, data: JSON.stringify(data), id, retryMs: undefined };
  };
  const blocks = [block("stream.opened", {}, cursor.text())];
  for (const step of steps) {
    if ("backTo" in step) {
      cursor.advance(0, 0, step.backTo);
      const at = String(step.backTo);
      const gap = { source: "s", partition: 0, from: at, to: at, reason: "ahead", lost: null, resync: true };
      blocks.push(block("stream.gap-detected", gap, cursor.text()));
    } else {
      const [key, offset] = step;
      blocks.push(block("task.done", { scope: "global", data: { key } }, cursor.pass(0, 0, offset)));
    }
  }
  const stream = { cursor: undefined, blocks, excused: new Set<never>(), wasSlow: false };
  const reader = { name: "reader", scopes: ["global"], patterns: [], grants: new Set(["global"]) };
  return checkHistory(truth, { ...reader, streams: [stream] }, true);
}

Deno.test("checkHistory: what the log has taken back must be told, once, and what it gives instead must come", async (t) => {
  const HISTORIES: Readonly<Record<string, readonly [steps: readonly Step[], wrong: RegExp | null]>> = {
    "told, and the rest anew": [
      [["kept", 0n], ["gone", 1n], ["gone too", 2n], { backTo: 1n }, ["anew", 1n], ["anew too", 2n], ["later", 3n]],
      null,
    ],
    "of one who never saw it": [[["kept", 0n], ["anew", 1n], ["anew too", 2n], ["later", 3n]], null],
    "not told": [
      [["kept", 0n], ["gone", 1n], ["gone too", 2n], ["later", 3n]],
      /gone too was taken back by the log, and no gap/,
    ],
    "of one who saw neither": [[["kept", 0n], ["later", 3n]], /anew was lost in silence/],
    "told, and not what is anew": [
      [["kept", 0n], ["gone", 1n], { backTo: 1n }, ["anew", 1n], ["later", 3n]],
      /anew too was lost in silence/,
    ],
    "told, and the old one again": [
      [["kept", 0n], { backTo: 1n }, ["gone", 1n], ["anew", 1n], ["anew too", 2n], ["later", 3n]],
      /gone came after a gap said that the log was cut back/,
    ],
  };
  for (const [name, [steps, wrong]] of Object.entries(HISTORIES)) {
    await t.step(name, () => {
      const violations = judge(CUT_BACK, steps);
      if (wrong === null) assert.deepEqual(violations, []);
      else assert.match(violations.join("\n"), wrong);
    });
  }

  await t.step("told, where the log took nothing back", () => {
    const [source] = CUT_BACK.sources;
    const partition = { records: [record(["kept", 0n])], first: 0n, next: 1n };
    assert.ok(source !== undefined);
    const truth = { ...CUT_BACK, sources: [{ ...source, epochs: [{ epoch: "e", partitions: [partition] }] }] };
    assert.match(judge(truth, [["kept", 0n], { backTo: 1n }]).join("\n"), /the log took nothing back/);
  });
});
