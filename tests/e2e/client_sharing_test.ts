/** Pages that share one stream of a real gateway process: with Deno's BroadcastChannel, and Web Locks as the specification has them. */
import assert from "node:assert/strict";
import { shareStream } from "../../src/client/share/mod.ts";
import { encodeNativeRecord } from "../../src/pipeline/native_record.ts";
import type { Transport } from "../../src/client/transport.ts";
import { fetchStream } from "../client/poll/fetch_stream.ts";
import { LockManagerDouble } from "../client/share/lock_manager.ts";
import { scopeOf } from "../replay/frames.ts";
import { AdminGateway } from "./admin_gateway.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";

/** One tab: it comes back with its last id whenever its connection ends. */
class Tab {
  readonly numbers: number[] = [];
  /** What the events had around their numbers. */
  readonly envelopes: unknown[] = [];
  lastEventId: string | undefined;
  isOpen = false;
  gaps = 0;
  readonly #closed = new AbortController();
  readonly #gone = new AbortController();
  readonly #over: Promise<void>;

  constructor(
    url: string,
    token: string,
    stream: Transport,
    locks: LockManagerDouble,
    { events = [], scopes = [] }: { readonly events?: readonly string[]; readonly scopes?: readonly string[] } = {},
  ) {
    const transport = shareStream(stream, { subject: "alice", locks: locks.page(this.#gone.signal) });
    this.#over = this.#run(transport, { url, scopes, events, headers: { authorization: `Bearer ${token}` } });
  }

  /** Its locks go first, as when its process is killed; nothing of it is posted any more. */
  async kill(): Promise<void> {
    this.#gone.abort();
    this.#closed.abort();
    await this.#over;
  }

  async #run(transport: Transport, request: Parameters<Transport["connect"]>[0]): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      try {
        for await (
          const { id, event, data = "" } of transport.connect({ ...request, lastEventId: this.lastEventId }, signal)
        ) {
          if (signal.aborted) break;
          if (event === "stream.opened") this.isOpen = true;
          if (event === "stream.gap-detected") this.gaps++;
          if (event === "test.numbered-sent") {
            this.envelopes.push(JSON.parse(data));
            this.numbers.push(JSON.parse(data).data);
          }
          this.lastEventId = id ?? this.lastEventId;
        }
      } catch {
        // It comes back.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, `it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("shareStream on a gateway process: tabs share one stream, through the leader's death and the gateway's", async () => {
  await using gateway = await startGatewayProcess({
    config: {
      sources: { events: { embedded: { path: "events.db" }, format: "tidegate" } },
      publish: { source: "events" },
    },
  });
  const token = await gateway.tokenFor("alice");
  const open = new Set<AbortSignal>();
  const counted: Transport = {
    async *connect(request, signal) {
      open.add(signal);
      try {
        yield* fetchStream.connect(request, signal);
      } finally {
        open.delete(signal);
      }
    },
  };
  let sent = 0;
  const send = async (count: number) => {
    const events = Array.from({ length: count }, () => ({
      event: "test.numbered-sent",
      scope: "user:alice",
      data: sent++,
    }));
    await gateway.publish(token, events);
  };
  const locks = new LockManagerDouble();
  const tabs = [new Tab(gateway.url, token, counted, locks)];
  await until(() => tabs.every(({ isOpen }) => isOpen), "the first tab is open");
  for (let count = 0; count < 3; count++) tabs.push(new Tab(gateway.url, token, counted, locks));
  const other = new Tab(gateway.url, token, counted, locks, { events: ["other.*"] });
  await until(() => other.isOpen && tabs.every(({ isOpen }) => isOpen), "all tabs are open");
  const haveAll = () => tabs.every(({ numbers }) => numbers.length >= sent);
  await send(5);
  await until(haveAll, "all have the first");
  assert.equal(open.size, 1);

  await tabs.shift()?.kill();
  await send(5);
  await until(haveAll, "all have what came after the leader's death");
  await until(() => open.size === 1, "one stream is left");

  await gateway.restart();
  await send(5);
  await until(haveAll, "all have what came after the gateway's restart");
  const all = Array.from({ length: sent }, (_, number) => number);
  for (const { numbers, gaps } of tabs) assert.deepEqual([numbers, gaps], [all, 0]);
  assert.deepEqual(other.numbers, [], "a tab gets only what it asked for");
  for (const tab of [...tabs, other]) await tab.kill();
  assert.deepEqual([open.size, locks.heldNames], [0, []]);
});

Deno.test("shareStream on a gateway: tabs of other scopes have one stream, and each gets exactly what one of its own gives", async () => {
  await using admin = await AdminGateway.start({ sources: { events: { embedded: {}, format: "tidegate" } } });
  const { running } = admin;
  const token = await running.tokenFor("alice", ["novel:7", "novel:8", "session:x"]);
  let sent = 0;
  const send = async (...scopes: string[]) => {
    const value = encodeNativeRecord({
      event: "test.numbered-sent",
      scopes: scopes.map(scopeOf),
      audience: [],
      data: sent++,
      time: "2026-01-01T00:00:00.000Z",
      priority: "normal",
      version: 1,
    });
    await running.gateway.bus("events")?.publish([{ key: null, value }]);
  };
  const asked = [["user:alice"], ["novel:7", "user:alice"], ["novel:8"], ["session:x", "novel:8"], ["novel:7"]];
  const witnesses = await Promise.all(asked.map((scopes) => running.stream(token, `?scope=${scopes}`)));
  const locks = new LockManagerDouble();
  const tabs: Tab[] = [];
  const sendAll = async () => {
    await send("user:alice");
    await send("novel:8", "novel:7");
    await send("user:alice", "session:x", "user:bob", "novel:7");
    await send("novel:9", "novel:8");
    await send("global");
    await send("session:x", "novel:8", "novel:7", "user:alice");
    await until(() => tabs.every(({ numbers }) => numbers.at(-1) === sent - 1), `all have ${sent - 1}`);
  };
  for (const scopes of asked) {
    const tab = new Tab(running.url, token, fetchStream, locks, { scopes });
    await until(() => tab.isOpen, `the tab of ${scopes} is open`);
    tabs.push(tab);
    await sendAll();
  }
  const witnessed = await Promise.all(witnesses.map(async (each) => JSON.parse((await each.next()).data).connectionId));
  /** The only stream beside those of the witnesses, once what has been replaced is gone. */
  const shared = async () => {
    for (const deadline = performance.now() + 20_000;;) {
      const { connections } = await admin.json("GET", "/admin/v1/connections");
      const [one, ...more] = connections.filter(({ id }: { id: string }) => !witnessed.includes(id));
      if (more.length === 0) return one;
      assert.ok(performance.now() < deadline, `the tabs have ${more.length} more streams`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const before = await shared();
  assert.deepEqual(before.scopes.toSorted(), ["novel:7", "novel:8", "session:x", "user:alice"]);

  await tabs.shift()?.kill();
  await sendAll();
  const after = await shared();
  assert.deepEqual(after.scopes.toSorted(), before.scopes.toSorted());
  assert.notEqual(after.id, before.id);
  for (const [index, { envelopes }] of tabs.entries()) {
    const given = await witnesses[index + 1]?.until(({ data }) => JSON.parse(data).data === sent - 1) ?? [];
    const own = given.filter(({ event }) => event === "test.numbered-sent").map(({ data }) => JSON.parse(data));
    // Of each round since the tab was open it has all.
    assert.deepEqual(envelopes, own.filter(({ data }) => data >= 6 * (index + 1)));
  }
  for (const tab of tabs) await tab.kill();
  for (const witness of witnesses) await witness[Symbol.asyncDispose]();
});
