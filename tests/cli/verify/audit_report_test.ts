import assert from "node:assert/strict";
import { auditJSON, auditTable, isAllWell } from "../../../src/cli/verify/audit_report.ts";
import type { ClientFindings } from "../../../src/cli/verify/delivery_ledger.ts";
import type { Audit } from "../../../src/cli/verify/run_audit.ts";

function auditOf(found: Partial<ClientFindings>, stoppedBy?: string): Audit {
  const nothing = { lost: [], announced: [], duplicated: [], reordered: [], late: [], repeated: [], unknown: [] };
  const client = { name: "client-1", received: 9, ...nothing, gaps: 0, delayMs: { p50: 2, p99: 5, max: 8 }, ...found };
  return { published: 9, accepted: 9, tookMs: 1_234, clients: [client], ends: new Map([["cut", 3]]), stoppedBy };
}

Deno.test("auditTable lines its columns up and gives the verdict", () => {
  assert.equal(
    auditTable(auditOf({}), 7),
    [
      "9 events accepted in 1.2 s, seed 7. Streams that ended: 3 cut",
      "",
      "          received  lost  announced  duplicated  reordered  late  unknown  repeated  gaps  p50 ms  p99 ms  max ms",
      "client-1         9     0          0           0          0     0        0         0     0       2       5       8",
      "",
      "All well: every event came to every client once, in order, in time.",
    ].join("\n"),
  );
});

Deno.test("auditTable names the first ten events of each fault, and why not all were published", () => {
  const lost = Array.from({ length: 12 }, (_, index) => index + 1);
  const text = auditTable(auditOf({ lost, late: [3], delayMs: { p50: null, p99: null, max: null } }, "a reason"), 7);
  assert.match(text, /client-1, lost: event 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, and 2 more\nclient-1, late: event 3\n/);
  assert.match(text, /Not all events were published: a reason\.\nFound: 12 lost, 1 late\.$/);
  assert.match(text, / - +- +-\n/);
});

Deno.test("auditJSON has the totals and each client's events", () => {
  const audit = auditOf({ duplicated: [4] });
  assert(!isAllWell(audit));
  const { allWell, duplicated, lost, run, seed, streamsEnded, clients, stoppedBy } = JSON.parse(
    auditJSON(audit, "r", 7),
  );
  assert.deepEqual({ allWell, duplicated, lost, run, seed }, {
    allWell: false,
    duplicated: 1,
    lost: 0,
    run: "r",
    seed: 7,
  });
  assert.deepEqual([streamsEnded, clients[0].duplicated, stoppedBy], [{ cut: 3 }, [4], null]);
});

Deno.test("isAllWell: a second copy of what was published twice is no fault, an announced loss is one", () => {
  assert(isAllWell(auditOf({ repeated: [1], gaps: 2 })));
  assert(!isAllWell(auditOf({ announced: [1] })));
});
