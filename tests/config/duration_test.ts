import assert from "node:assert/strict";
import * as z from "zod";
import { duration, parseDuration } from "../../src/config/duration.ts";

Deno.test("parseDuration reads every unit", () => {
  const cases: [string, number][] = [
    ["0ms", 0],
    ["250ms", 250],
    ["15s", 15_000],
    ["10m", 600_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

Deno.test("parseDuration gives undefined for anything else", () => {
  for (
    const text of [
      "",
      "15",
      "s",
      "1.5s",
      "-1s",
      "+1s",
      "01s",
      "1 s",
      "1S",
      "1sec",
      "1m30s",
      "1e3s",
      "9999999999s",
      "１s",
    ]
  ) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

Deno.test("duration includes both bounds and names them in what it refuses", () => {
  const schema = duration("1s", "1m");
  assert.equal(schema.parse("1s"), 1_000);
  assert.equal(schema.parse("60s"), 60_000);
  for (const input of ["999ms", "61s", "1h", 15, "15", null, true]) {
    const result = schema.safeParse(input);
    assert.equal(result.success, false, String(input));
    const [issue, ...others] = result.error?.issues ?? [];
    assert.equal(others.length, 0);
    assert.equal(issue?.message, "must be a duration from 1s to 1m, with its unit: ms, s, m, h or d");
  }
});

Deno.test("duration cannot be bounded by what is no duration", () => {
  assert.throws(() => duration("1", "2s"), /Cannot bound a duration by "1"/);
});

Deno.test("duration gives editors a pattern", () => {
  assert.match(String(z.toJSONSchema(duration("1s", "1m"), { io: "input" }).pattern), /ms\|s\|m\|h\|d/);
});
