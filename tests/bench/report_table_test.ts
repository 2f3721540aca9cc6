import assert from "node:assert/strict";
import { reportTable } from "../../bench/report_table.ts";

Deno.test("reportTable prints a table for each section, and why one has none", () => {
  const row = {
    what: "p99",
    tidegate: "4 ms",
    peer: "2 ms",
    ratio: "2.00 ×",
    target: "≤ 1.5 ×",
    verdict: "missed",
  } as const;
  assert.equal(
    reportTable([
      { title: "One", machine: "A machine", rows: [row] },
      { title: "Two", machine: "A machine", rows: [], failure: "no nginx" },
    ]),
    `### One

A machine

|     | Tidegate | nchan | Tidegate / nchan | target  |            |
| --- | -------- | ----- | ---------------- | ------- | ---------- |
| p99 | 4 ms     | 2 ms  | 2.00 ×           | ≤ 1.5 × | **missed** |

### Two

Failed: no nginx
`,
  );
});
