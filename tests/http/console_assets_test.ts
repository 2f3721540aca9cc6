import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("console_assets.json is what src/console makes", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config=tools/bundler.json", "tools/build_console.ts", "--check"],
    cwd: ROOT,
  });
  const { code, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});
