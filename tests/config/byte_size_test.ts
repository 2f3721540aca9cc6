import assert from "node:assert/strict";
import { byteSize, parseByteSize } from "../../src/config/byte_size.ts";

Deno.test("parseByteSize reads every unit", () => {
  const cases: [string, number][] = [["0B", 0], ["512B", 512], ["64KiB", 65_536], ["1MiB", 1_048_576], [
    "2GiB",
    2_147_483_648,
  ]];
  for (const [text, bytes] of cases) assert.equal(parseByteSize(text), bytes, text);
});

Deno.test("parseByteSize gives undefined for anything else, also for the ambiguous kB and MB", () => {
  for (const text of ["", "1", "1K", "1kB", "1KB", "1MB", "1mib", "1.5MiB", "-1B", "1 MiB", "01B"]) {
    assert.equal(parseByteSize(text), undefined, text);
  }
});

Deno.test("byteSize includes both bounds and names them in what it refuses", () => {
  const schema = byteSize("1KiB", "1MiB");
  assert.equal(schema.parse("1024B"), 1_024);
  assert.equal(schema.parse("1MiB"), 1_048_576);
  for (const input of ["1023B", "2MiB", 1_024, "1024"]) {
    const [issue] = schema.safeParse(input).error?.issues ?? [];
    assert.equal(issue?.message, "must be a size from 1KiB to 1MiB, with its unit: B, KiB, MiB or GiB", String(input));
  }
});

Deno.test("byteSize cannot be bounded by what is no size", () => {
  assert.throws(() => byteSize("1MB", "2MB"), /Cannot bound a size by "1MB"/);
});
