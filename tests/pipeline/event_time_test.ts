import assert from "node:assert/strict";
import fc from "fast-check";
import { formatEventTime, formatTimeMs } from "../../src/pipeline/event_time.ts";

Deno.test("formatEventTime reads every form of RFC 3339 and writes one", () => {
  const forms: [string, string][] = [
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"],
    ["2026-01-01t00:00:00.5z", "2026-01-01T00:00:00.500Z"],
    ["2026-01-01 00:00:00+02:00", "2025-12-31T22:00:00.000Z"],
    ["2026-01-31T23:59:59.123456789-00:30", "2026-02-01T00:29:59.123Z"],
    ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
    ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z"],
  ];
  for (const [text, time] of forms) assert.equal(formatEventTime(text), time);
});

Deno.test("formatEventTime refuses what is no such time", () => {
  const broken = [
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "2026-01-01T00:00:00",
    "2026-01-01",
    "1969-12-31T23:59:59Z",
    "0001-01-01T00:00:00.000Z",
    "+012026-01-01T00:00:00Z",
    "Thu, 01 Jan 2026 00:00:00 GMT",
    "2026-01-01T00:00:00Z\nid: 1",
    "٢٠٢٦-01-01T00:00:00Z",
    "",
    -1,
    NaN,
    Infinity,
    253_402_300_800_000,
    true,
    null,
    undefined,
    {},
    [1],
  ];
  for (const value of broken) assert.equal(formatEventTime(value), undefined, JSON.stringify(value));
});

Deno.test("formatTimeMs writes what Date writes, for any time from 1970 to 9999", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 253_402_300_799_999, noNaN: true }), (timeMs) => {
    assert.equal(formatTimeMs(timeMs), new Date(timeMs).toISOString());
    assert.equal(formatEventTime(new Date(timeMs).toISOString()), new Date(timeMs).toISOString());
  }));
});
