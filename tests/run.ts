// deno-lint-ignore-file no-console -- a command: what it prints is its purpose
/**
 * All the tests: `deno task test`, or `deno task test:unit` for those that need no server. Paths and the flags of `deno test`
 * pass through: `deno task test tests/contract --filter redis`.
 *
 * It installs what is missing (as root), starts one Redis, one Kafka and one PostgreSQL for all test files, unless variables
 * name running ones (tests/support/server_variables.ts), and stops them in the end. The tests run with every permission: they
 * start servers, compile and run the binary and write temporary folders. What users run is held to the permission sets of deno.json.
 *
 * One test file after the other: on a machine of two cores the servers take the second one, and files that run beside each
 * other would share one process environment and measure each other's load.
 */
import { fileURLToPath } from "node:url";
import { installServers } from "./support/install_servers.ts";
import { startKafka } from "./support/kafka_server.ts";
import { startPostgres } from "./support/postgres_server.ts";
import { startRedis } from "./support/redis_server.ts";
import { SERVER_VARIABLES } from "./support/server_variables.ts";
import { needsServers, testFiles } from "./support/test_files.ts";
import { testSummary } from "./support/test_summary.ts";

const TESTS = new URL("./", import.meta.url);

/** Long enough for Deno's last lines; a test run's whole output may be much more than anybody needs in memory. */
const KEPT_CHARACTERS = 64 * 1024;

/** Deno leaves them off from 2.8 on; the same switches in deno.json would keep an older Deno from testing at all. */
const SANITIZERS = { DENO_TEST_SANITIZE_OPS: "1", DENO_TEST_SANITIZE_RESOURCES: "1" };

if (import.meta.main) Deno.exit(await main(Deno.args));

/** Resolves with the exit code: 0 only when at least one test ran and every one passed. */
async function main(args: readonly string[]): Promise<number> {
  const isUnit = args.includes("--unit");
  const passedOn = args.filter((argument) => argument !== "--unit");
  trustTheMachinesCertificates();
  // Deno ends without running any clean-up on these unless somebody listens; the servers must not outlive the run.
  const stopped = Promise.withResolvers<void>();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(name, () => stopped.resolve());
  try {
    await using servers = isUnit ? noServers() : await startServers();
    return await runTests(await testArguments(passedOn, isUnit), servers.variables, stopped.promise);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.log("0 passed, 1 failed");
    return 1;
  }
}

/** Where a machine's registries are reached through a certificate of its own, npm packages come only with the system's store. */
function trustTheMachinesCertificates(): void {
  if (Deno.env.get("DENO_TLS_CA_STORE") === undefined) Deno.env.set("DENO_TLS_CA_STORE", "mozilla,system");
}

interface Servers extends AsyncDisposable {
  readonly variables: Record<string, string>;
}

function noServers(): Servers {
  return { variables: {}, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function startServers(): Promise<Servers> {
  await installServers();
  const stack = new AsyncDisposableStack();
  const variables: Record<string, string> = {};
  async function start<Server extends AsyncDisposable>(
    variable: string,
    startServer: () => Promise<Server>,
    address: (server: Server) => string,
  ): Promise<void> {
    if (Deno.env.get(variable) !== undefined) return;
    variables[variable] = address(stack.use(await startServer()));
  }
  const starts = await Promise.allSettled([
    start(SERVER_VARIABLES.redis, startRedis, (redis) => redis.url),
    start(SERVER_VARIABLES.kafka, startKafka, (kafka) => kafka.brokers.join(",")),
    start(SERVER_VARIABLES.postgres, startPostgres, (postgres) => postgres.url),
  ]);
  const failures = starts.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  if (failures.length > 0) {
    await stack.disposeAsync();
    throw new Error(failures.map((failure) => failure instanceof Error ? failure.message : String(failure)).join("\n"));
  }
  return { variables, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** The arguments of `deno test`: those given, and every test file when none of them is a path. */
async function testArguments(passedOn: readonly string[], isUnit: boolean): Promise<string[]> {
  const hasPath = (await Promise.all(passedOn.map(exists))).includes(true);
  if (hasPath) return [...passedOn];
  const files: string[] = [];
  for (const file of await testFiles(TESTS)) {
    if (!isUnit || !await needsServers(new URL(`file://${file}`))) files.push(file);
  }
  return [...passedOn, ...files];
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

async function runTests(args: string[], variables: Record<string, string>, stopped: Promise<void>): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", "--trace-leaks", ...args],
    cwd: fileURLToPath(new URL("../", TESTS)),
    env: { ...variables, ...SANITIZERS, ...(Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" }) },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  stopped.then(() => child.kill("SIGTERM")).catch(() => {});
  const output = await showAndKeep(child.stdout);
  const status = await child.status;
  const summary = testSummary(output) ?? { passed: 0, failed: 1, ignored: 0 };
  if (summary.ignored > 0) console.error("Cannot pass with ignored tests: a test that does not run proves nothing");
  const skipped = summary.ignored > 0 ? `, ${summary.ignored} skipped` : "";
  // A run that was stopped leaves an unfinished line; the counts stand alone on theirs.
  if (!output.endsWith("\n")) console.log();
  console.log(`${summary.passed} passed, ${summary.failed} failed${skipped}`);
  const isGreen = status.success && summary.passed > 0 && summary.failed === 0 && summary.ignored === 0;
  return isGreen ? 0 : Math.max(1, status.code);
}

async function showAndKeep(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let kept = "";
  for await (const bytes of stream) {
    await writeAll(bytes);
    kept = (kept + decoder.decode(bytes, { stream: true })).slice(-KEPT_CHARACTERS);
  }
  return kept;
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
}
