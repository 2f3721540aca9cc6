import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** 1.2 kB gzipped for each addition to the client: what a page notices less than the request for it. */
const MAX_BYTES = 1_229;

/** 4 KiB gzipped for the client itself, with its parser. */
const MAX_CORE_BYTES = 4_096;

Deno.test("the client takes 4 KiB at most, each addition 1.2 kB, minified and gzipped", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config=tools/bundler.json", "tools/client_sizes.ts"],
    cwd: ROOT,
  });
  const { code, stdout, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const sizes: Record<string, number> = JSON.parse(new TextDecoder().decode(stdout));
  assert.deepEqual(Object.keys(sizes), ["core", "poll", "share"]);
  for (const [entry, bytes] of Object.entries(sizes)) {
    assert.ok(bytes <= (entry === "core" ? MAX_CORE_BYTES : MAX_BYTES), `${entry} has ${bytes} bytes`);
  }
});
