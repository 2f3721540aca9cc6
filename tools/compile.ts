// deno-lint-ignore-file no-console -- a build step speaks to the terminal
/**
 * `deno task compile`: one self-contained executable, `dist/tidegate`.
 *
 * Where `../shared/tools/denort.sh` exists (machines that cannot reach Deno's download host) it names the pair of Deno
 * and runtime base to compile with; else the Deno that runs this compiles with its own.
 */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUTPUT = `${ROOT}dist/tidegate`;
const PAIR_SCRIPT = `${ROOT}../shared/tools/denort.sh`;

const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));

/**
 * What the executable may do, fixed for good when it is compiled: what `deno task start` may, but for writing, whose paths
 * only the configuration of whoever runs it knows.
 */
const { net, env, read, sys } = config.permissions.gateway;
const PERMISSIONS = [...Object.entries({ net, env, read, sys }).map(flagOf), "--allow-write"];

/**
 * A young generation of 4 MiB instead of 16: its collections pause the loop a third as long, which is the tail of the
 * latency, and a connection takes 4 KB less. Measured in docs/benchmarks.md; `deno task start` says the same.
 */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=4";

/** See {@link writeLeanConfig}. */
const CONFIG_FLAG = `--config=${ROOT}dist/compile.json`;

/** `deno compile` overflows the default stack on large npm graphs. */
const STACK_BYTES = String(64 * 1024 * 1024);

await writeLeanConfig();
const pair = await readPair();
const { code } = await new Deno.Command(pair?.get("DENO_COMPILE") ?? Deno.execPath(), {
  // Types were checked by the gate, on the current Deno.
  args: ["compile", "--no-check", CONFIG_FLAG, V8_FLAGS, ...PERMISSIONS, "--output", OUTPUT, "main.ts"],
  cwd: ROOT,
  env: { RUST_MIN_STACK: STACK_BYTES, ...Object.fromEntries(pair ?? []) },
}).spawn().status;
if (code === 0) {
  const { size } = await Deno.stat(OUTPUT);
  console.log(`dist/tidegate, ${(size / 1024 / 1024).toFixed(0)} MiB`);
}
Deno.exit(code);

/** A permission of deno.json as a flag: all of a kind, or a list. */
function flagOf([kind, allowed]: [string, true | readonly string[]]): string {
  return allowed === true ? `--allow-${kind}` : `--allow-${kind}=${allowed.join()}`;
}

/**
 * The project's configuration with no package but those that main.ts loads: `deno compile` embeds all that there are, and
 * the tests' alone would add a third to the executable. Versions and checksums stay those of deno.lock.
 */
async function writeLeanConfig(): Promise<void> {
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", "main.ts"], cwd: ROOT }).output();
  if (info.code !== 0) throw new Error(`Cannot tell what main.ts loads: ${new TextDecoder().decode(info.stderr)}`);
  const { modules } = JSON.parse(new TextDecoder().decode(info.stdout)) as { modules: { specifier: string }[] };
  const loaded = new Set(modules.map(({ specifier }) => packageOf(specifier)));
  const imports = Object.entries<string>(config.imports).filter(([, target]) => loaded.has(packageOf(target)));
  const lean = { ...config, tasks: {}, imports: Object.fromEntries(imports), lock: { path: "compile.lock" } };
  await Deno.mkdir(`${ROOT}dist`, { recursive: true });
  await Deno.writeTextFile(`${ROOT}dist/compile.json`, JSON.stringify(lean));
  await Deno.copyFile(`${ROOT}deno.lock`, `${ROOT}dist/compile.lock`);
}

/** `npm:/pg@8.23.1/lib/x.js` → `pg@8.23.1`; nothing for a file. */
function packageOf(specifier: string): string | undefined {
  return /^npm:\/?((?:@[^/]+\/)?[^/@]+@[^/]+)/.exec(specifier)?.[1];
}

/** The script prints lines `export NAME='value' NAME=value …`. */
async function readPair(): Promise<ReadonlyMap<string, string> | undefined> {
  if (!await exists(PAIR_SCRIPT)) return undefined;
  const { code, stdout } = await new Deno.Command("bash", { args: [PAIR_SCRIPT], stderr: "inherit" }).output();
  if (code !== 0) throw new Error(`Cannot prepare the compiler: ${PAIR_SCRIPT} ended with ${code}`);
  const text = new TextDecoder().decode(stdout);
  return new Map([...text.matchAll(/([A-Z_]+)='?([^'\s]+)'?/g)].map(([, name = "", value = ""]) => [name, value]));
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
