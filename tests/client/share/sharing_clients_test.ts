/** What clients make of a stream that they share: tokens, waits, states. */
import assert from "node:assert/strict";
import { SSEClient, type SSEClientOptions } from "../../../src/client/core/mod.ts";
import { shareStream } from "../../../src/client/share/mod.ts";
import { type Transport, TransportError } from "../../../src/client/transport.ts";
import { FakeServer } from "./fake_server.ts";
import { LockManagerDouble } from "./lock_manager.ts";
import { until } from "./until.ts";

type Events = Record<string, unknown>;

interface Tab {
  readonly client: SSEClient<Events>;
  /** Why it asked for tokens. */
  readonly asked: string[];
  /** Where it has sent fresh tokens, and which. */
  readonly renewals: string[];
  readonly told: string[];
}

/** A browser whose tabs share; the tokens of the n-th are `n-connect`, `n-reconnect` and so on. */
class FakeBrowser {
  readonly server = new FakeServer();
  readonly locks = new LockManagerDouble();
  readonly tabs: Tab[] = [];

  /** A tab that has opened its client. */
  tab(options: SSEClientOptions<Events> = {}, inner: Transport = this.server.transport): Tab {
    const name = `${this.tabs.length + 1}`;
    const asked: string[] = [];
    const renewals: string[] = [];
    const told: string[] = [];
    const locks = this.locks.page(new AbortController().signal);
    const client = new SSEClient({
      url: "https://gateway.test",
      storage: "memory",
      getToken: ({ reason }) => (asked.push(reason), `${name}-${reason}`),
      fetch: (input, init) => {
        renewals.push(`${input} ${new Headers(init?.headers).get("authorization")}`);
        return Promise.resolve(new Response(null, { status: 204 }));
      },
      transport: shareStream(inner, { subject: "alice", locks }),
      ...options,
    });
    client.onAny(({ id }) => told.push(id));
    client.onGap(({ reason }) => told.push(`gap ${reason}`));
    client.onReset(() => told.push("reset"));
    client.open();
    const tab = { client, asked, renewals, told };
    this.tabs.push(tab);
    return tab;
  }

  /** A tab whose stream is open. */
  async openTab(options: SSEClientOptions<Events> = {}): Promise<Tab> {
    const tab = this.tab(options);
    await this.all("open", [tab]);
    return tab;
  }

  /** Until tabs are in a state. */
  async all(status: string, tabs: readonly Tab[] = this.tabs): Promise<void> {
    await until(() => tabs.every(({ client }) => client.getSnapshot().status === status), `they are ${status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.tabs) client.close();
    await until(() => this.server.openStreams === 0 && this.locks.heldNames.length === 0, "nothing is left");
  }
}

Deno.test("shareStream: only the tab whose stream it is renews the token", async () => {
  await using browser = new FakeBrowser();
  const leader = await browser.openTab();
  const others = [await browser.openTab(), await browser.openTab()];
  browser.server.announce("stream.token-expiring");
  browser.server.publish("a.b");
  await until(() => browser.tabs.every(({ told }) => told.length > 0), "all have what came later");
  await until(() => leader.renewals.length > 0, "the token is renewed");
  assert.deepEqual(leader.asked, ["connect", "expiring"]);
  assert.deepEqual(leader.renewals, ["https://gateway.test/api/v1/events/connections/c1/token Bearer 1-expiring"]);
  for (const { asked, renewals } of others) assert.deepEqual([asked, renewals], [["connect"], []]);
});

Deno.test("shareStream: each opening of the shared stream has a fresh token, whoever leads", async () => {
  await using browser = new FakeBrowser();
  const leader = await browser.openTab({ scopes: ["user:a"] });
  await browser.openTab({ scopes: ["user:b"] });
  assert.deepEqual(browser.server.openedWith, ["Bearer 1-connect", "Bearer 1-reconnect"]);
  // The heir has followed, for hours maybe.
  leader.client.close();
  await until(() => browser.server.openedWith.length === 3, "the heir has opened a stream");
  assert.deepEqual(browser.server.openedWith.at(-1), "Bearer 2-reconnect");
});

Deno.test("shareStream: a tab that waits for a fresh token in vain can be closed, and the next one leads", async () => {
  await using browser = new FakeBrowser();
  const asked = Promise.withResolvers<void>();
  const leader = await browser.openTab({
    scopes: ["user:a"],
    getToken: ({ reason }) => reason === "connect" ? "first" : (asked.resolve(), new Promise(() => {})),
  });
  const other = browser.tab({ scopes: ["user:b"] });
  await asked.promise;
  leader.client.close();
  await browser.all("open", [other]);
});

const FAILURES = {
  "a gateway that is away": new TypeError("error sending request"),
  // The others' tokens may be good: they come back, and find out by themselves.
  "a token that is refused": new TransportError(401, "no such key"),
};
for (const [what, failure] of Object.entries(FAILURES)) {
  Deno.test(`shareStream: tabs that follow say what their leader says of ${what}, and come back`, async () => {
    await using browser = new FakeBrowser();
    const { server } = browser;
    const leader = await browser.openTab({ scopes: ["user:a"] });
    const followers = [1, 2].map(() => browser.tab({ scopes: ["user:a"] }));
    await browser.all("open");
    const told = followers.map(({ client }) => {
      const errors: string[] = [];
      client.onError(({ message }) => errors.push(message));
      return errors;
    });
    server.refuseNext = failure;
    // Its scope is one that the stream lacks, so the leader opens another.
    browser.tab({ scopes: ["user:b"] });
    await browser.all("reconnecting", followers);
    for (const [index, { client }] of followers.entries()) {
      assert.equal(client.getSnapshot().error?.message, failure.message);
      assert.ok(client.getSnapshot().nextRetryAtMs !== undefined, "it says when it comes back");
      assert.deepEqual(told[index], [failure.message]);
    }
    await browser.all("open");
    for (const { client } of [leader, ...followers]) assert.equal(client.getSnapshot().error, undefined);
  });
}

const NO_ROOM = {
  "a 503 with Retry-After": new TransportError(503, "no room", 7_000),
  "a stream that closes at once": { event: "stream.closing", data: '{"reason":"overloaded","retryAfterMs":7000}' },
};
for (const [what, refusal] of Object.entries(NO_ROOM)) {
  Deno.test(`shareStream: all tabs wait as told when the shared stream is answered by ${what}`, async () => {
    await using browser = new FakeBrowser();
    const { server, locks } = browser;
    server.publish("a.b");
    for (let count = 0; count < 2; count++) await browser.openTab({ scopes: ["user:a"] });
    // One that looks for its place, from an older cursor.
    const isNever: Transport = {
      async *connect(_, signal) {
        yield* await new Promise<[]>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    };
    server.publish("a.b", ["user:a"]);
    await until(() => browser.tabs.every(({ told }) => told.length > 0), "all have the event");
    browser.tab({ scopes: ["user:a"], storage: { getItem: () => "log:0:0", setItem: () => {} } }, isNever);
    await browser.all("open");
    server.refuseNext = refusal;
    const opened = server.openedStreams;
    browser.tab({ scopes: ["user:b"] });
    await browser.all("reconnecting");
    const message = refusal instanceof Error ? refusal.message : undefined;
    for (const { client } of browser.tabs) {
      assert.equal(client.getSnapshot().error?.message, message);
      const waitMs = (client.getSnapshot().nextRetryAtMs ?? 0) - Date.now();
      assert.ok(waitMs > 5_000 && waitMs <= 7_000, `it waits for ${waitMs} ms`);
    }
    await until(() => locks.heldNames.length === 0, "nobody leads");
    assert.equal(server.openedStreams, opened, "nobody has asked again");
  });
}

Deno.test("shareStream: every tab reads its state anew after a gap in the shared stream", async () => {
  await using browser = new FakeBrowser();
  for (let count = 0; count < 3; count++) await browser.openTab();
  browser.server.lose(0, 1, "stream.gap-detected");
  for (let count = 0; count < 3; count++) browser.server.publish("a.b");
  await until(() => browser.tabs.every(({ told }) => told.includes("log:0:2")), "all are behind the gap");
  for (const { told } of browser.tabs) assert.deepEqual(told, ["gap retention", "reset", "log:0:2"]);
});
