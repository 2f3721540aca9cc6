/** The loss audit against real gateways: all is well over every kind of source, and what a lossy proxy does is found exactly. */
import assert from "node:assert/strict";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { runCommandLine } from "../cli/run_command_line.ts";
import { freePort } from "../support/free_port.ts";
import { FROM_SOURCE, startGatewayProcess } from "../support/gateway_process.ts";
import { sharedKafka, sharedRedis } from "../support/shared_servers.ts";
import { LossyProxy } from "./lossy_proxy.ts";
import { AUTH, RunningGateway } from "./running_gateway.ts";

const kafka = await sharedKafka();
const redis = await sharedRedis();

const SOON = { min: "1s", max: "1s" };
const RETRY = { streams: { retry: SOON, refusalRetry: SOON } };
/** Enough for many cuts, and no more. */
const LOAD = ["--events", "200", "--rate", "100", "--clients", "3", "--cut-every", "300ms", "--late-after", "1m"];

interface Outcome {
  readonly code: number;
  readonly err: string;
  /** The JSON that it printed. */
  readonly found: Record<string, unknown>;
}

async function verify(gateway: { readonly url: string }, file: string, ...args: string[]): Promise<Outcome> {
  const run = await runCommandLine("verify", "--config", file, "--url", gateway.url, "--json", ...args);
  return { code: run.code, err: run.err, found: run.out === "" ? {} : JSON.parse(run.out) };
}

/** The configuration as a file, which both the gateway of the test and the audit have. */
async function configured(settings: object): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(path, JSON.stringify({ auth: AUTH, ...settings }));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

const NOTHING = { lost: 0, announced: 0, duplicated: 0, reordered: 0, late: 0, unknown: 0 };

function assertAllWell({ code, err, found }: Outcome, events: number): void {
  const { allWell, accepted, clients: _clients, run: _run, seed, published: _published, tookMs: _took, ...rest } =
    found;
  assert.deepEqual([code, allWell, accepted], [0, true, events], `seed ${seed}: ${JSON.stringify(rest)} ${err}`);
}

Deno.test("verify says that all is well with the embedded log, while clients cut and come back", async () => {
  await using running = await RunningGateway.start(RETRY);
  await using file = await configured({});
  const outcome = await verify(running, file.path, ...LOAD);
  assertAllWell(outcome, 200);
  const { streamsEnded } = outcome.found;
  assert(Reflect.get(Object(streamsEnded), "cut") > 0, "streams were cut");
});

Deno.test("verify goes through a Kafka source with its mapping, over all partitions", async () => {
  await using topic = await TestTopic.create(kafka.brokers, 3);
  const settings = {
    sources: { tasks: { kafka: { brokers: [...topic.brokers], topic: topic.name } } },
    mappings: {
      rules: [{
        name: "tidegate-verify",
        source: "tasks",
        when: { type: "tidegate.verify" },
        event: "audit.event-numbered",
        scope: "user:{user_id}",
        fields: { run: "run", number: "number" },
      }],
    },
  };
  await using running = await RunningGateway.start({ ...RETRY, ...settings });
  await using file = await configured(settings);
  assertAllWell(await verify(running, file.path, ...LOAD, "--through-source", "tasks"), 200);
  await using unmapped = await configured({ sources: settings.sources });
  const refused = await verify(running, unmapped.path, "--through-source", "tasks");
  assert.equal(refused.code, 2);
  assert.match(refused.err, /- name: tidegate-verify\n {10}source: tasks\n/);
});

Deno.test("verify goes through a Redis source of published events, and through POST into it", async () => {
  const settings = {
    sources: {
      pushed: { format: "tidegate" as const, redis: { url: redis.url, stream: `verify-${crypto.randomUUID()}` } },
    },
    publish: { source: "pushed" },
  };
  await using running = await RunningGateway.start({ ...RETRY, ...settings });
  await using file = await configured(settings);
  assertAllWell(await verify(running, file.path, ...LOAD, "--through-source", "pushed"), 200);
  assertAllWell(await verify(running, file.path, ...LOAD), 200);
});

Deno.test("verify finds exactly what a lossy proxy deletes, repeats and swaps, and exits 1", async () => {
  await using running = await RunningGateway.start(RETRY);
  await using file = await configured({});
  await using proxy = new LossyProxy(running.url, { delete: [20], repeat: [40, 41], swap: [60] });
  const args = ["--events", "100", "--rate", "500", "--clients", "2", "--cut-every", "0s", "--wait", "3s"];
  const { code, found } = await verify(proxy, file.path, ...args, "--late-after", "1m");
  assert.equal(code, 1);
  const clients = found.clients;
  assert(Array.isArray(clients));
  for (const client of clients) {
    const { lost, duplicated, reordered, announced, late, unknown } = client;
    assert.deepEqual({ lost, duplicated, reordered }, { lost: [20], duplicated: [40, 41], reordered: [60] });
    assert.deepEqual([announced, late, unknown], [[], [], []]);
  }
  assert.deepEqual(
    Object.fromEntries(Object.keys(NOTHING).map((fault) => [fault, found[fault]])),
    { ...NOTHING, lost: 2, duplicated: 4, reordered: 2 },
  );
});

Deno.test("verify counts what comes later than it may as late", async () => {
  await using running = await RunningGateway.start(RETRY);
  await using file = await configured({});
  await using proxy = new LossyProxy(running.url, { hold: [10] });
  const args = ["--events", "30", "--rate", "100", "--clients", "1", "--cut-every", "0s", "--late-after", "400ms"];
  const { code, found } = await verify(proxy, file.path, ...args);
  assert.equal(code, 1);
  assert.equal(found.lost, 0);
  assert(Number(found.late) >= 1);
});

/** To `global`, so that a stream of the test's own sees them too. */
const WATCHED = ["--scope", "global", "--events", "300", "--rate", "100", "--clients", "2", "--late-after", "1m"];

Deno.test("verify calls announced what was lost with a log that a restart emptied", async () => {
  await using file = await configured({});
  await using first = await RunningGateway.start(RETRY);
  await using second = await RunningGateway.start(RETRY);
  await using proxy = new LossyProxy(first.url, {});
  const watch = await first.stream(await first.tokenFor("watch"));
  const audit = verify(proxy, file.path, ...WATCHED, "--cut-every", "0s");
  await watch.until(({ data }) => data.includes('"number":50}'));
  proxy.target = second.url;
  await first.gateway.drain();
  await watch[Symbol.asyncDispose]();
  const { code, found, err } = await audit;
  assert.equal(found.lost, 0, err);
  assert.equal(found.accepted, 300, err);
  assert.equal(code, found.allWell ? 0 : 1);
  assert(Array.isArray(found.clients) && found.clients.every(({ gaps }) => gaps > 0), "the new epoch is told");
  assert.deepEqual(found.streamsEnded, { draining: 2 });
});

Deno.test("verify finds all well over a gateway that is killed and started again in the middle", async () => {
  const sources = { events: { format: "tidegate", embedded: { path: "log.db" } } };
  await using gateway = await startGatewayProcess({ config: { ...RETRY, sources } });
  const watch = await gateway.stream(await gateway.tokenFor("watch"));
  const audit = verify(gateway, `${gateway.folder}/tidegate.yaml`, ...WATCHED);
  await watch.until(({ data }) => data.includes('"number":50}'));
  await gateway.kill();
  await gateway.restart();
  await watch[Symbol.asyncDispose]();
  const outcome = await audit;
  assertAllWell(outcome, 300);
  assert(Reflect.get(Object(outcome.found.streamsEnded), "broken") > 0, "streams broke off");
});

Deno.test("verify says what is missing instead of finding nothing", async () => {
  await using running = await RunningGateway.start(RETRY);
  await using file = await configured({});
  await using keyless = await configured({ auth: {} });
  const refusal = async (path: string, ...args: string[]) => {
    const { code, err } = await verify(running, path, ...args);
    assert.equal(code, 2);
    return err;
  };
  assert.match(await refusal(keyless.path), /no issuer has a secret.*--token-file/);
  assert.match(await refusal(file.path, "--through-source", "nowhere"), /none of the configured sources: events/);
  assert.match(await refusal(file.path, "--through-source", "events"), /leave --through-source out/);
  await using narrow = await configured({ auth: { ...AUTH, grants: ["user:{sub}"] } });
  assert.match(await refusal(narrow.path, "--scope", "novel:7"), /no grant of the issuer yields novel:7/);
  assert.match(
    await refusal(file.path, "--clients", "25", "--wait", "1s"),
    /connection-limit.*fewer --clients.*streams\.maxPerPrincipal/,
  );
  for (const wrong of [["--events", "0"], ["--rate", "x"], ["--wait", "5"], ["--clients", "1001"], ["more"]]) {
    assert.match(await refusal(file.path, ...wrong), /Cannot run tidegate verify/);
  }
});

Deno.test("verify says what the gateway refuses, and what would let its events through", async () => {
  await using file = await configured({});
  await using silent = await RunningGateway.start({ ...RETRY, auth: { ...AUTH, publish: [] } });
  const unpublished = await verify(silent, file.path);
  assert.equal(unpublished.code, 2);
  assert.match(unpublished.err, /the events are not taken: 403 publish-not-granted/);
  await using closed = await RunningGateway.start({ ...RETRY, auth: { ...AUTH, grants: ["global"] } });
  const ungranted = await verify(closed, file.path);
  assert.equal(ungranted.code, 2);
  assert.match(ungranted.err, /refuses the streams: .*403.*auth\.grants needs a template/);
});

Deno.test("verify says that nobody answers", async () => {
  await using file = await configured({});
  const nobody = { url: `http://127.0.0.1:${freePort()}` };
  const { code, err } = await verify(nobody, file.path, "--wait", "100ms");
  assert.equal(code, 2);
  assert.match(err, /not every stream opened within 100 ms; .*refused/);
});

Deno.test("verify ends with the findings so far when it is interrupted", async () => {
  await using gateway = await startGatewayProcess({ config: RETRY });
  const watch = await gateway.stream(await gateway.tokenFor("watch"));
  const [executable = "", ...args] = [...FROM_SOURCE, "verify", "--scope", "global", "--late-after", "1m"];
  const process = new Deno.Command(executable, {
    args: [...args, "--events", "1000000", "--clients", "2"],
    cwd: gateway.folder,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  await watch.until(({ data }) => data.includes('"number":10}'), 30_000);
  process.kill("SIGINT");
  const { code, stdout } = await process.output();
  await watch[Symbol.asyncDispose]();
  const text = new TextDecoder().decode(stdout);
  assert.match(text, /^\d+ events accepted in [\d.]+ s, seed \d+\..*\n\n +received +lost/);
  assert.match(text, /you stopped it\.\nAll well:/);
  assert.equal(code, 0);
});

Deno.test("verify takes a token of its user's alone, unless a scope is named", async () => {
  await using running = await RunningGateway.start(RETRY);
  await using file = await configured({});
  const token = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(token, await running.tokenFor("alice"));
    const refused = await verify(running, file.path, "--token-file", token);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /the token speaks for "alice", whose pages would get the events/);
    const few = ["--events", "5", "--clients", "1", "--cut-every", "0s", "--late-after", "1m"];
    assertAllWell(await verify(running, file.path, "--token-file", token, "--scope", "user:alice", ...few), 5);
    await Deno.writeTextFile(token, await running.tokenFor("tidegate-verify-night"));
    assertAllWell(await verify(running, file.path, "--token-file", token, ...few), 5);
  } finally {
    await Deno.remove(token);
  }
});
