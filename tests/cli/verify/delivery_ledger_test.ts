import assert from "node:assert/strict";
import fc from "fast-check";
import { DeliveryLedger, type ToldGap } from "../../../src/cli/verify/delivery_ledger.ts";

const LATE_AFTER_MS = 100;

/** A ledger of one client, with events 1 to `count` accepted at offsets of the same numbers. */
function ledgerOf(count: number): DeliveryLedger {
  const ledger = new DeliveryLedger(["c"], LATE_AFTER_MS);
  for (let number = 1; number <= count; number++) {
    ledger.sent(number, 1_000);
    ledger.accepted(number, `s:0:${number}`);
  }
  return ledger;
}

function receive(ledger: DeliveryLedger, ...numbers: number[]): void {
  for (const number of numbers) ledger.received("c", number, `s:0:${number}`, 1_010, 0);
}

function findingsOf(ledger: DeliveryLedger) {
  const [findings] = ledger.findings();
  assert(findings !== undefined);
  return findings;
}

const GAP: ToldGap = { source: "s", partition: 0, from: "2", to: "3", reason: "retention", toldMs: 2_000 };

Deno.test("DeliveryLedger finds nothing where everything came once and in order", () => {
  const ledger = ledgerOf(3);
  assert(!ledger.isComplete);
  receive(ledger, 1, 2, 3);
  assert(ledger.isComplete);
  const { lost, announced, duplicated, reordered, late, repeated, unknown, received, delayMs } = findingsOf(ledger);
  assert.deepEqual([lost, announced, duplicated, reordered, late, repeated, unknown], [[], [], [], [], [], [], []]);
  assert.equal(received, 3);
  assert.deepEqual(delayMs, { p50: 10, p99: 10, max: 10 });
});

Deno.test("DeliveryLedger tells lost, duplicated and reordered apart", () => {
  const ledger = ledgerOf(6);
  receive(ledger, 1, 3, 2, 3, 6, 5);
  const { lost, duplicated, reordered } = findingsOf(ledger);
  assert.deepEqual({ lost, duplicated, reordered }, { lost: [4], duplicated: [3], reordered: [2, 5] });
});

Deno.test("DeliveryLedger knows an order within a partition alone", () => {
  const ledger = new DeliveryLedger(["c"], LATE_AFTER_MS);
  for (const [number, identity] of [[1, "s:0:9"], [2, "s:1:1"], [3, "s:0:10"]] as const) {
    ledger.sent(number, 0);
    ledger.accepted(number, identity);
  }
  ledger.received("c", 2, "s:1:1", 0, 0);
  ledger.received("c", 1, "s:0:9", 0, 0);
  ledger.received("c", 3, "s:0:10", 0, 0);
  assert.deepEqual(findingsOf(ledger).reordered, []);
});

Deno.test("DeliveryLedger counts as late only from when both the event and the stream were there", () => {
  const ledger = ledgerOf(3);
  ledger.received("c", 1, "s:0:1", 1_101, 0);
  ledger.received("c", 2, "s:0:2", 9_100, 9_000);
  ledger.received("c", 3, "s:0:3", 9_101, 9_000);
  assert.deepEqual(findingsOf(ledger).late, [1, 3]);
});

Deno.test("DeliveryLedger takes a gap for what it covers and nothing else", () => {
  const told = (gap: Partial<ToldGap>, ...numbers: number[]) => {
    const ledger = ledgerOf(4);
    receive(ledger, ...numbers);
    ledger.gapTold("c", { ...GAP, ...gap });
    const { lost, announced } = findingsOf(ledger);
    return { lost, announced };
  };
  assert.deepEqual(told({}, 1), { lost: [4], announced: [2, 3] });
  assert.deepEqual(told({ partition: 1 }, 1, 4), { lost: [2, 3], announced: [] });
  assert.deepEqual(told({ source: "other" }, 1, 4), { lost: [2, 3], announced: [] });
  assert.deepEqual(told({ reason: "epoch", from: "0", to: "0" }, 1), { lost: [], announced: [2, 3, 4] });
  assert.deepEqual(told({ reason: "epoch", toldMs: 999 }, 1), { lost: [2, 3, 4], announced: [] });
  const unreadable = { source: null, partition: null, from: null, to: null, reason: "invalid-cursor" };
  assert.deepEqual(told(unreadable, 4), { lost: [], announced: [1, 2, 3] });
});

Deno.test("DeliveryLedger compares entry IDs of Redis by both halves", () => {
  const ledger = new DeliveryLedger(["c"], LATE_AFTER_MS);
  for (const [number, offset] of [[1, "9-1"], [2, "10-2"], [3, "10-10"]] as const) {
    ledger.sent(number, 0);
    ledger.accepted(number, `r:0:${offset}`);
  }
  ledger.gapTold("c", { ...GAP, source: "r", from: "9-2", to: "10-9" });
  const { lost, announced } = findingsOf(ledger);
  assert.deepEqual({ lost, announced }, { lost: [1, 3], announced: [2] });
});

Deno.test("DeliveryLedger blames nobody for the second copy of what was published twice after an unclear answer", () => {
  const ledger = ledgerOf(2);
  ledger.sent(3, 0);
  ledger.sent(3, 1_000);
  ledger.accepted(3, "s:0:4");
  receive(ledger, 1, 2, 3);
  ledger.received("c", 3, "s:0:4", 1_010, 0);
  ledger.received("c", 3, "s:0:4", 1_010, 0);
  ledger.received("c", 2, "s:0:5", 1_010, 0);
  const { repeated, duplicated } = findingsOf(ledger);
  assert.deepEqual({ repeated, duplicated }, { repeated: [3], duplicated: [3, 2] });
});

Deno.test("DeliveryLedger owes nobody what was never accepted, and reports what it never sent", () => {
  const ledger = ledgerOf(1);
  ledger.sent(2, 0);
  receive(ledger, 1, 7);
  assert(ledger.isComplete);
  assert.deepEqual(findingsOf(ledger).unknown, [7]);
});

Deno.test("DeliveryLedger finds exactly what was done to a stream, whatever that was", () => {
  const done = fc.array(fc.constantFrom("keep", "delete", "repeat", "swap"), { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(done, (actions) => {
    const ledger = ledgerOf(2 * actions.length);
    const expected = { lost: [] as number[], duplicated: [] as number[], reordered: [] as number[] };
    // Each action has a pair of events to itself, so that none touches another's.
    for (const [index, action] of actions.entries()) {
      const [first, second] = [2 * index + 1, 2 * index + 2];
      if (action === "keep") receive(ledger, first, second);
      if (action === "delete") receive(ledger, second);
      if (action === "repeat") receive(ledger, first, first, second);
      if (action === "swap") receive(ledger, second, first);
      if (action === "delete") expected.lost.push(first);
      if (action === "repeat") expected.duplicated.push(first);
      if (action === "swap") expected.reordered.push(first);
    }
    const { lost, duplicated, reordered } = findingsOf(ledger);
    assert.deepEqual({ lost, duplicated, reordered }, expected);
  }));
});
