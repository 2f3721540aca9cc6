import assert from "node:assert/strict";
import * as z from "zod";
import { byteSize } from "../../src/config/byte_size.ts";
import { duration } from "../../src/config/duration.ts";
import { secret, secretFile } from "../../src/config/secret.ts";
import { section } from "../../src/config/section.ts";

const schema = section({
  heartbeat: duration("0s", "1h").prefault("15s").describe("Wrapped twice."),
  stall: duration("0s", "1h").exactOptional(),
  buffer: byteSize("0B", "1GiB").prefault("1KiB"),
  maxBytes: byteSize("0B", "1GiB").prefault("2KiB"),
  name: z.string().default("n"),
  password: secret().exactOptional(),
  passwordFile: secretFile().exactOptional(),
});

Deno.test("section appends a number's unit to its key, unless the key says it", () => {
  const parsed: { heartbeatMs: number; stallMs?: number; bufferBytes: number; maxBytes: number; name: string } = schema
    .parse({ heartbeat: "2s", stall: "1m" });
  assert.deepEqual(parsed, { heartbeatMs: 2_000, stallMs: 60_000, bufferBytes: 1_024, maxBytes: 2_048, name: "n" });
});

Deno.test("section leaves out what was not given, and paths of secrets", () => {
  assert.deepEqual(Object.keys(schema.parse({ password: "p", passwordFile: "/f" })), [
    "heartbeatMs",
    "bufferBytes",
    "maxBytes",
    "name",
    "password",
  ]);
});

Deno.test("section refuses unknown keys beside every other problem", () => {
  const issues = schema.safeParse({ heartbeat: 1, unknown: 1, name: 3 }).error?.issues ?? [];
  assert.deepEqual(issues.map(({ code }) => code).sort(), ["invalid_type", "invalid_type", "unrecognized_keys"]);
});
