import assert from "node:assert/strict";
import { Ledger } from "../../../bench/load/ledger.ts";

Deno.test("Ledger holds an event on its way until its last reader has it, and counts what is missing", () => {
  const ledger = new Ledger([[0], [0, 1]], 2);
  const seq = ledger.publish(0, 0);
  ledger.take(0, seq, 5);
  assert.deepEqual([ledger.onTheWay, ledger.missing, ledger.deliveries], [1, 1, 1]);
  ledger.take(1, seq, 6);
  assert.deepEqual([ledger.onTheWay, ledger.missing, ledger.deliveries], [0, 0, 2]);
});

Deno.test("Ledger counts duplicates and strays apart from deliveries", () => {
  const ledger = new Ledger([[0], [1]], 2);
  const seq = ledger.publish(0, 0);
  ledger.take(0, seq, 1);
  ledger.take(0, seq, 2);
  ledger.take(1, seq, 3);
  assert.deepEqual([ledger.deliveries, ledger.duplicates, ledger.strays], [1, 1, 1]);
});

Deno.test("Ledger tells disorder within a scope from disorder between scopes", () => {
  const ledger = new Ledger([[0, 1]], 2);
  const [first, second, third] = [ledger.publish(0, 0), ledger.publish(1, 0), ledger.publish(0, 0)];
  ledger.take(0, second, 1);
  ledger.take(0, third, 1);
  assert.deepEqual([ledger.outOfOrder, ledger.outOfOrderAcrossScopes], [0, 0]);
  ledger.take(0, first, 1);
  assert.deepEqual([ledger.outOfOrder, ledger.outOfOrderAcrossScopes], [1, 1]);
});

Deno.test("Ledger measures latency from when an event was due, in the measured time only", () => {
  const ledger = new Ledger([[0]], 1);
  ledger.take(0, ledger.publish(0, 10), 11);
  ledger.measuredFromMs = 20;
  ledger.measuredUntilMs = 30;
  ledger.take(0, ledger.publish(0, 25), 29);
  ledger.take(0, ledger.publish(0, 31), 40);
  assert.deepEqual(ledger.latency.figures(), { count: 1, p50Ms: 4, p99Ms: 4, maxMs: 4 });
});
