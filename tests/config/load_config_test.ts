import assert from "node:assert/strict";
import { formatProblem } from "../../src/config/config_problem.ts";
import { loadConfig, type LoadOptions } from "../../src/config/load_config.ts";

const folder = await Deno.makeTempDir();
const file = (name: string) => `${folder}/${name}`;
const problems = (options: LoadOptions) => {
  const loaded = loadConfig(options);
  return loaded.kind === "ok" ? [] : loaded.problems.map(formatProblem);
};

Deno.test("loadConfig reads the file of the flag, else that of TIDEGATE_CONFIG", async () => {
  await Deno.writeTextFile(file("a.yaml"), "server: {port: 1}");
  await Deno.writeTextFile(file("b.yaml"), "server: {port: 2}");
  const port = (options: LoadOptions) => {
    const loaded = loadConfig(options);
    return loaded.kind === "ok" ? loaded.config.server.port : undefined;
  };
  const env = { TIDEGATE_CONFIG: file("b.yaml") };
  assert.equal(port({ file: file("a.yaml"), env }), 1);
  assert.equal(port({ env }), 2);
});

Deno.test("loadConfig starts with the defaults when no file was named and none is there", () => {
  assert.equal(loadConfig({ env: { TIDEGATE_CONFIG: "" } }).kind, "ok");
});

Deno.test("loadConfig refuses a named file that is missing, a directory, no text or too large, and goes on to name what else is wrong", async () => {
  await Deno.writeFile(file("binary"), new Uint8Array([0xff, 0xfe, 0xfd]));
  await Deno.writeTextFile(file("large"), `a: ${"x".repeat(2_000_000)}`);
  const env = { TIDEGATE_SERVER_PORT: "x" };
  for (
    const [name, reason] of [["gone", "it does not exist"], ["", "it is a directory"], [
      "binary",
      "it is not UTF-8 text",
    ], ["large", "it is larger than"]] as const
  ) {
    const [first, second] = problems({ file: file(name), env });
    assert.match(first ?? "", new RegExp(`^${file(name)}: cannot read the configuration: ${reason}`));
    assert.match(second ?? "", /^TIDEGATE_SERVER_PORT: /);
  }
});

Deno.test("loadConfig refuses a byte order mark with its place", async () => {
  await Deno.writeFile(file("bom.yaml"), new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0x3a]));
  assert.match(
    problems({ file: file("bom.yaml"), env: {} }).join(),
    /bom\.yaml:1:1: the file begins with a byte order mark/,
  );
});

Deno.test("loadConfig reads secrets from files and warns of those that everybody can read", async () => {
  await Deno.writeTextFile(file("secret"), "0123456789abcdef0123456789abcdef\n", { mode: 0o600 });
  await Deno.writeTextFile(file("s.yaml"), `auth: {issuers: [{issuer: i, secretFile: ${file("secret")}}]}`);
  const load = () => loadConfig({ file: file("s.yaml"), env: {} });
  const closed = load();
  assert(closed.kind === "ok");
  assert.deepEqual(closed.warnings, []);
  await Deno.chmod(file("secret"), 0o644);
  const open = load();
  assert(open.kind === "ok");
  assert.match(open.warnings.map(formatProblem).join(), /which every user of this machine can read/);
});

globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
