import assert from "node:assert/strict";
import { SSEClient, type SSEClientOptions, type SSEEvent, type SSEGap } from "../../src/client/core/mod.ts";
import { RunningGateway } from "./running_gateway.ts";

const RETRY = { min: "1s", max: "1s" };
const SETTINGS = { streams: { retry: RETRY, refusalRetry: RETRY } };

/** A client of a real gateway, and what it was given. */
function clientOf(gateway: RunningGateway, token: string, options: SSEClientOptions<Events> = {}) {
  const client = new SSEClient<Events>({
    url: gateway.url,
    scopes: ["user:ann"],
    storage: "memory",
    getToken: () => token,
    retry: { minMs: 50, maxMs: 100 },
    ...options,
  });
  const events: SSEEvent[] = [];
  const gaps: SSEGap[] = [];
  client.onAny((event) => events.push(event));
  client.onGap((gap) => gaps.push(gap));
  return { client, events, gaps };
}

interface Events {
  "task.progress-updated": { taskId: string; progress: number };
}

/** Waits for a condition on what a client says; a change or an event is what makes it look again. */
async function until(client: SSEClient<Events>, isTrue: () => boolean, timeoutMs = 15_000): Promise<void> {
  const done = Promise.withResolvers<void>();
  const look = () => isTrue() && done.resolve();
  const ends = [client.subscribe(look), client.onAny(look), client.onGap(look)];
  const text = () => `Cannot go on: ${JSON.stringify(client.getSnapshot())} ${client.getSnapshot().error}`;
  const timer = setTimeout(() => done.reject(new Error(text())), timeoutMs);
  look();
  await done.promise.finally(() => {
    clearTimeout(timer);
    for (const end of ends) end();
  });
}

const progress = (value: number) => ({
  event: "task.progress-updated",
  scope: "user:ann",
  data: { taskId: "t1", progress: value },
});

async function published(answer: Promise<Response>): Promise<void> {
  const response = await answer;
  assert.equal(response.status, 201, await response.text());
}

const isOpen = (client: SSEClient<Events>) => () => client.getSnapshot().status === "open";

Deno.test("the client streams, and after a break gets what it missed, once", async () => {
  await using gateway = await RunningGateway.start(SETTINGS);
  const token = await gateway.tokenFor("ann");
  const aborts: AbortController[] = [];
  const breakable: typeof fetch = (input, init) => {
    const abort = new AbortController();
    aborts.push(abort);
    return fetch(input, { ...init, signal: AbortSignal.any([abort.signal, ...(init?.signal ? [init.signal] : [])]) });
  };
  const { client, events, gaps } = clientOf(gateway, token, { fetch: breakable });
  client.open();
  await until(client, isOpen(client));
  await published(gateway.publish(token, [progress(1), progress(2)]));
  await until(client, () => events.length === 2);
  aborts.at(-1)?.abort(new Error("the network is gone"));
  await until(client, () => client.getSnapshot().status === "reconnecting");
  await published(gateway.publish(token, [progress(3), progress(4)]));
  await until(client, () => events.length === 4);
  assert.deepEqual(events.map(({ data }) => (data as { progress: number }).progress), [1, 2, 3, 4]);
  assert.equal(events[0]?.scope, "user:ann");
  assert.match(events[0]?.identity ?? "", /^\w+:0:\d+$/);
  assert.deepEqual(gaps, []);
  client.close();
});

Deno.test("the client is told of a gap where its cursor means nothing", async () => {
  await using gateway = await RunningGateway.start(SETTINGS);
  const storage = { getItem: () => "no cursor of ours", setItem: () => {} };
  const { client, gaps } = clientOf(gateway, await gateway.tokenFor("ann"), { storage });
  let resets = 0;
  client.onReset(() => resets++);
  client.open();
  await until(client, () => gaps.length > 0);
  assert.equal(gaps[0]?.reason, "invalid-cursor");
  assert.equal(resets, gaps.length);
  client.close();
});

Deno.test("the client comes back with a fresh token when the old one ends and could not be renewed", async () => {
  await using gateway = await RunningGateway.start(SETTINGS);
  const reasons: string[] = [];
  const getToken = async ({ reason }: { reason: string }) => {
    reasons.push(reason);
    if (reason === "expiring") throw new Error("Cannot reach the server that gives tokens");
    return await gateway.tokenFor("ann", [], reasons.length === 1 ? 3_000 : 3_600_000);
  };
  const { client, events } = clientOf(gateway, "", { getToken });
  client.open();
  await until(client, isOpen(client));
  await until(client, () => client.getSnapshot().status === "reconnecting");
  await until(client, isOpen(client));
  await published(gateway.publish(await gateway.tokenFor("ann"), progress(5)));
  await until(client, () => events.length === 1);
  assert.deepEqual(reasons, ["connect", "expiring", "reconnect"]);
  client.close();
});

Deno.test("the client stays away as long as a soft refusal says, and closes at a refusal for good", async () => {
  await using gateway = await RunningGateway.start({ streams: { ...SETTINGS.streams, maxPerPrincipal: 1 } });
  const token = await gateway.tokenFor("ann");
  const first = clientOf(gateway, token);
  const second = clientOf(gateway, token);
  first.client.open();
  await until(first.client, isOpen(first.client));
  second.client.open();
  await until(second.client, () => second.client.getSnapshot().status === "reconnecting");
  const waitMs = (second.client.getSnapshot().nextRetryAtMs ?? 0) - Date.now();
  assert.ok(waitMs > 500 && waitMs <= 1_000, `${waitMs}`);
  first.client.close();
  await until(second.client, isOpen(second.client));
  second.client.close();
  const third = clientOf(gateway, token, { scopes: ["user:eve"] });
  third.client.open();
  await until(third.client, () => third.client.getSnapshot().closeReason === "refused");
});

Deno.test("the client resumes at another node when its own drains", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const settings = {
      ...SETTINGS,
      sources: { events: { embedded: { path: `${folder}/log.db` }, format: "tidegate" as const } },
      publish: { source: "events" },
    };
    const one = await RunningGateway.start(settings);
    const token = await one.tokenFor("ann");
    let url = one.url;
    const toWhicheverRuns: typeof fetch = (input, init) => fetch(String(input).replace(one.url, url), init);
    const { client, events, gaps } = clientOf(one, token, { fetch: toWhicheverRuns });
    client.open();
    await until(client, isOpen(client));
    await published(one.publish(token, progress(1)));
    await until(client, () => events.length === 1);
    await one[Symbol.asyncDispose]();
    await until(client, () => client.getSnapshot().status === "reconnecting");
    await using other = await RunningGateway.start(settings);
    await published(other.publish(token, progress(2)));
    url = other.url;
    await until(client, () => events.length === 2);
    assert.deepEqual(events.map(({ data }) => (data as { progress: number }).progress), [1, 2]);
    assert.deepEqual(gaps, []);
    client.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
