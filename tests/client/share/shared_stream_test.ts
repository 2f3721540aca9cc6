import assert from "node:assert/strict";
import { SeededRandom } from "../../simulation/seeded_random.ts";
import { type Transport, TransportError } from "../../../src/client/transport.ts";
import { envelopeOf, FakeServer, lossOf, turn } from "./fake_server.ts";
import { LockManagerDouble } from "./lock_manager.ts";
import { shareStream } from "../../../src/client/share/mod.ts";
import { Page } from "./page.ts";
import { until } from "./until.ts";

const idsFrom = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `log:0:${from + index}`);

Deno.test("shareStream: several pages have one stream, and each gets every event once", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const pages = [1, 2, 3].map(() => new Page(server.transport, locks));
  await until(() => pages.every(({ openedCount }) => openedCount === 1), "all are open");
  for (let count = 0; count < 20; count++) server.publish("a.b");
  await until(() => pages.every(({ events }) => events.length >= 20), "all have all");
  for (const { events } of pages) assert.deepEqual(events, idsFrom(0, 20));
  assert.deepEqual([server.openStreams, server.openedStreams], [1, 1]);
  for (const page of pages) await page.close();
  await until(() => server.openStreams === 0, "nothing is left open");
});

Deno.test("shareStream: a page gets only the events that it asked for, and the ids of all", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const all = new Page(server.transport, locks);
  await until(() => all.openedCount === 1, "the leader is open");
  const some = new Page(server.transport, locks, { events: ["task.*"] });
  await until(() => some.openedCount === 1, "the follower is open");
  for (const event of ["task.done", "novel.changed", "task.begun", "tasks.done"]) server.publish(event);
  await until(() => some.lastId === "log:0:3" && all.lastId === "log:0:3", "both are at the end");
  assert.deepEqual([some.names, all.names.length], [["task.done", "task.begun"], 4]);
  assert.equal(server.openStreams, 1);
  await some.close();
  await all.close();
});

Deno.test("shareStream: pages of other subjects, scopes or gateways share nothing", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const pages = [
    new Page(server.transport, locks),
    new Page(server.transport, locks, {}, "bob"),
    new Page(server.transport, locks, { scopes: ["user:42"] }),
  ];
  await until(() => pages.every(({ openedCount }) => openedCount === 1), "all are open");
  assert.equal(server.openStreams, 3);
  assert.ok(locks.heldNames.every((name) => !/alice|bob|user/.test(name)), "the names tell nothing");
  for (const page of pages) await page.close();
});

for (const end of ["close", "kill"] as const) {
  Deno.test(`shareStream: when the leader goes by ${end}, the next one leads and nobody loses or repeats an event`, async () => {
    const server = new FakeServer();
    const locks = new LockManagerDouble();
    const leader = new Page(server.transport, locks);
    await until(() => leader.openedCount === 1, "the leader is open");
    const others = [1, 2].map(() => new Page(server.transport, locks));
    await until(() => others.every(({ openedCount }) => openedCount === 1), "the others follow");
    server.publish("a.b");
    await until(() => others.every(({ lastId }) => lastId === "log:0:0"), "the others are at the end");
    await leader[end]();
    server.publish("a.b");
    await until(() => others.every(({ events }) => events.length >= 2), "the others have it");
    for (const { events } of others) assert.deepEqual(events, idsFrom(0, 2));
    assert.deepEqual([server.openStreams, server.openedStreams], [1, 2]);
    for (const page of others) await page.close();
  });
}

Deno.test("shareStream: a page that comes back with an older cursor catches up by itself, then follows", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  for (let count = 0; count < 5; count++) server.publish("a.b");
  const leader = new Page(server.transport, locks);
  await until(() => leader.openedCount === 1, "the leader is open");
  const late = new Page(server.transport, locks, { lastId: "log:0:1" });
  await until(
    () => late.events.length === 3 && server.openStreams === 1,
    "it has caught up and has no stream any more",
  );
  server.publish("a.b");
  await until(() => late.events.length === 4, "it follows");
  assert.deepEqual(late.events, idsFrom(2, 6));
  await leader.close();
  await late.close();
});

Deno.test("shareStream: a stream that ends is over for all, and one of them opens the next", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const pages = [1, 2, 3].map(() => new Page(server.transport, locks));
  await until(() => pages.every(({ openedCount }) => openedCount === 1), "all are open");
  server.breakAll();
  server.publish("a.b");
  await until(() => pages.every(({ events }) => events.length === 1), "all have it");
  assert.equal(server.openStreams, 1);
  for (const page of pages) await page.close();
});

/** A way to the server that is not open before it is let. */
function heldTransport({ transport }: FakeServer) {
  const asked = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const held: Transport = {
    async *connect(request, signal) {
      asked.resolve();
      await opened.promise;
      yield* transport.connect(request, signal);
    },
  };
  return { held, asked: asked.promise, open: opened.resolve };
}

Deno.test("shareStream: a page whose place a leader reaches first is open, though its own stream never was", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  for (let count = 0; count < 2; count++) server.publish("a.b");
  const [leaders, own] = [heldTransport(server), heldTransport(server)];
  const leader = new Page(leaders.held, locks, { lastId: "log:0:0" });
  await leaders.asked;
  const late = new Page(own.held, locks, { lastId: "log:0:1" });
  await own.asked;
  leaders.open();
  await until(() => leader.lastId === "log:0:1", "the leader is where the other stands");
  server.publish("a.b");
  await until(() => late.lastId === "log:0:2", "the other follows");
  assert.deepEqual([late.openedCount, late.events, server.openedStreams], [1, ["log:0:2"], 1]);
  own.open();
  await close([leader, late]);
});

for (const loss of ["stream.events-dropped", "stream.gap-detected"] as const) {
  Deno.test(`shareStream: a page that looks for its place hears of ${loss} in the leader's stream meanwhile`, async () => {
    const server = new FakeServer();
    const locks = new LockManagerDouble();
    for (let count = 0; count < 2; count++) server.publish("a.b");
    const leader = new Page(server.transport, locks);
    await until(() => leader.lastId === "log:0:1", "the leader stands at 1");
    const own = heldTransport(server);
    const late = new Page(own.held, locks, { lastId: "log:0:0" });
    await own.asked;
    server.lose(3, 5, loss);
    server.publish("a.b");
    await until(() => leader.lastId === "log:0:2", "the leader stands at 2");
    own.open();
    await until(() => late.lastId === "log:0:2" && server.openStreams === 1, "the other follows from there");
    for (let count = 3; count <= 6; count++) server.publish("a.b");
    await until(() => late.lastId === "log:0:6", "it is at the end");
    assert.deepEqual(late.events, [...idsFrom(1, 3), "log:0:6"]);
    for (const page of [leader, late]) assert.deepEqual(page.losses, [lossOf(3, 5)]);
    await close([leader, late]);
  });
}

Deno.test("shareStream: a page that comes later hears of the last losses, and nobody of one twice", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  for (let count = 0; count < 2; count++) server.publish("a.b");
  const [leader, follower] = await open(server, locks, {}, {});
  assert.ok(leader && follower);
  const losses = Array.from({ length: 20 }, (_, index) => lossOf(index + 3, index + 3));
  for (let index = 3; index < 23; index++) {
    server.lose(index, index, index % 2 === 0 ? "stream.events-dropped" : "stream.gap-detected");
  }
  server.publish("a.b");
  await until(() => follower.lastId === "log:0:2" && leader.lastId === "log:0:2", "both stand behind that");
  const late = new Page(server.transport, locks, { lastId: "log:0:0" });
  await until(() => late.lastId === "log:0:2" && server.openStreams === 1, "it follows");
  const fresh = new Page(server.transport, locks);
  await until(() => fresh.lastId === "log:0:2", "one that begins now follows too");
  server.publish("a.b");
  server.publish("a.b", ["global"]);
  const pages = [leader, follower, late, fresh];
  await until(() => pages.every(({ lastId }) => lastId === "log:0:4"), "all are at the end");
  assert.deepEqual([leader.losses, follower.losses], [losses, losses]);
  assert.deepEqual([late.losses, fresh.losses], [losses.slice(-16), []]);
  await close(pages);
});

/** One connection of a page of its own: what it has ended with, once it has. */
function connect(server: FakeServer, manager: LockManagerDouble, scopes: readonly string[], signal: AbortSignal) {
  const locks = manager.page(new AbortController().signal);
  const request = { url: "https://gateway.test/stream", scopes, events: [] };
  const connection: { end?: unknown } = {};
  Array.fromAsync(shareStream(server.transport, { subject: "alice", locks }).connect(request, signal))
    .then((messages) => connection.end = messages, (error) => connection.end = error);
  return connection;
}

Deno.test("shareStream: a connection whose signal was aborted before it came to be ends at once", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const abort = new AbortController();
  const connection = connect(server, locks, [], abort.signal);
  abort.abort();
  await until(() => connection.end !== undefined, "it is over");
  assert.deepEqual([connection.end, server.openedStreams, locks.heldNames], [[], 0, []]);
});

Deno.test("shareStream: without locks a page has a stream of its own", async () => {
  const server = new FakeServer();
  // What `navigator.locks` is where a browser has none.
  assert.equal(shareStream(server.transport, { subject: "alice", locks: null }), server.transport);
});

const A = { scopes: ["user:a"] };
const B = { scopes: ["novel:b", "user:b"] };

/** All that a stream of its own would have given the page, from one event of the log on. */
function ownEvents(server: FakeServer, { scopes, wants }: Page, from = 0): unknown[] {
  return server.log.slice(from).flatMap((logged) => {
    const isWanted = wants.length === 0 || wants.includes(logged.event);
    return isWanted ? envelopeOf(logged, scopes) ?? [] : [];
  });
}

/** One page after the other, each open before the next comes. */
async function open(server: FakeServer, locks: LockManagerDouble, ...requests: readonly object[]): Promise<Page[]> {
  const pages: Page[] = [];
  for (const request of requests) {
    const page = new Page(server.transport, locks, request);
    pages.push(page);
    await until(() => page.openedCount > 0, "the next one is open");
  }
  return pages;
}

async function haveAll(server: FakeServer, pages: readonly Page[], from = 0): Promise<void> {
  const last = `log:0:${server.log.length - 1}`;
  await until(() => pages.every(({ lastId }) => lastId === last), "all are at the end");
  for (const page of pages) assert.deepEqual(page.envelopes, ownEvents(server, page, from));
}

/** The scopes of each open stream, in no order. */
const openScopes = ({ openScopes }: FakeServer) => [...openScopes].map((scopes) => scopes.toSorted().join(" "));

const close = (pages: readonly Page[]) => Promise.all(pages.map((page) => page.close()));

Deno.test("shareStream: pages of different scopes have one stream, and each gets what its own would have given it", async () => {
  const server = new FakeServer();
  const pages = await open(server, new LockManagerDouble(), A, B, { scopes: ["user:b", "user:a"] }, {
    scopes: ["novel:b"],
    events: ["a.b"],
  });
  assert.deepEqual(openScopes(server), ["novel:b user:a user:b"]);
  server.publish("a.b", ["user:a"]);
  server.publish("a.b", ["user:b", "user:a", "novel:b"]);
  server.publish("c.d", ["novel:b"]);
  server.publish("a.b", ["user:other"]);
  server.publish("a.b", ["novel:b", "user:other"]);
  await haveAll(server, pages);
  assert.deepEqual(pages.map(({ events }) => events.length), [2, 3, 2, 2]);
  assert.equal(server.openStreams, 1);
  await close(pages);
});

Deno.test("shareStream: a page with another scope that comes while events flow takes nothing from anybody", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const pages = await open(server, locks, A, A);
  let isOver = false;
  const flow = (async () => {
    for (let count = 0; !isOver; count++) {
      server.publish("a.b", [["user:a"], ["novel:b"], ["user:b", "user:a"]][count % 3]);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  })();
  const late = new Page(server.transport, locks, { ...B, lastId: "log:0:0" });
  await until(() => late.events.length > 20 && server.openStreams === 1, "it follows");
  isOver = true;
  await flow;
  server.publish("a.b", ["user:a", "user:b"]);
  await haveAll(server, pages);
  assert.deepEqual(late.envelopes, ownEvents(server, late, 1));
  await close([...pages, late]);
});

Deno.test("shareStream: pages that come together cost few openings", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const pages = Array.from(
    { length: 10 },
    (_, index) => new Page(server.transport, locks, { scopes: [`user:${index}`] }),
  );
  await until(() => pages.every(({ openedCount }) => openedCount > 0), "all are open");
  assert.deepEqual([server.openStreams, openScopes(server)[0]?.split(" ").length], [1, 10]);
  assert.ok(server.openedStreams <= 3, `${server.openedStreams} streams were opened`);
  assert.deepEqual(new Set(server.openedWith), new Set(["Bearer page"]), "each with the token that a page has");
  await close(pages);
});

Deno.test("shareStream: the scopes of a page that has gone leave with the next opening, however it went", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const [leader, closed, killed] = await open(server, locks, A, { scopes: ["user:c"] }, { scopes: ["user:k"] });
  assert.deepEqual(openScopes(server), ["user:a user:c user:k"]);
  await closed?.close();
  await killed?.kill();
  const [next] = await open(server, locks, B);
  assert.deepEqual(openScopes(server), ["novel:b user:a user:b"]);
  await close([leader, next].filter((page) => page !== undefined));
});

for (const end of ["close", "kill"] as const) {
  Deno.test(`shareStream: the heir of a leader that goes by ${end} opens one stream with the scopes of all`, async () => {
    const server = new FakeServer();
    const pages = await open(server, new LockManagerDouble(), { scopes: ["user:l"] }, A, B, A);
    server.publish("a.b", ["user:a", "user:b"]);
    await haveAll(server, pages);
    const opened = server.openedStreams;
    await pages.shift()?.[end]();
    server.publish("a.b", ["novel:b"]);
    server.publish("a.b", ["user:a"]);
    await haveAll(server, pages);
    assert.deepEqual(openScopes(server), ["novel:b user:a user:b"]);
    assert.equal(server.openedStreams, opened + 1, "nobody needed a stream of its own");
    await close(pages);
  });
}

Deno.test("shareStream: where the gateway refuses the scopes of all, the leader goes on and others have their own streams", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  server.maxScopes = 2;
  const pages = await open(server, locks, A, B, { scopes: ["user:a"] });
  await until(() => server.openStreams === 2, "two streams are left");
  assert.deepEqual(openScopes(server), ["user:a", "novel:b user:b"]);
  const { openedStreams, refusals } = server;
  for (let count = 0; count < 50; count++) {
    server.publish("a.b", [["user:a"], ["novel:b"], ["user:b", "user:a"]][count % 3]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await haveAll(server, pages);
  assert.deepEqual([server.openedStreams, server.refusals], [openedStreams, refusals], "nobody tries again and again");
  // A page whose scopes the leader has still follows.
  pages.push(...await open(server, locks, A));
  assert.equal(server.openStreams, 2);
  await close(pages);
});

Deno.test("shareStream: a scope that is not granted is the failure of the page that named it, and of no other", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const pages = await open(server, locks, A, A);
  const connected = shareStream(server.transport, { subject: "alice", locks: locks.page(new AbortController().signal) })
    .connect(
      { url: "https://gateway.test/stream", scopes: ["user:forbidden"], events: [] },
      new AbortController().signal,
    );
  await assert.rejects(async () => await Array.fromAsync(connected), { status: 403 });
  server.publish("a.b", ["user:a"]);
  await haveAll(server, pages);
  assert.deepEqual(pages.map(({ endedCount }) => endedCount), [0, 0]);
  await close(pages);
});

Deno.test("shareStream: a gateway that has no room for a reopened stream ends the connection, and says for how long", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const leading = connect(server, locks, ["user:a"], new AbortController().signal);
  await until(() => server.openStreams === 1, "the leader has a stream");
  const refusal = server.refuseNext = new TransportError(503, "no room", 7_000);
  const other = new Page(server.transport, locks, B);
  await until(() => leading.end !== undefined, "the leader's connection is over");
  assert.equal(leading.end, refusal);
  await until(() => other.openedCount > 0, "the other goes on");
  assert.deepEqual(openScopes(server), ["novel:b user:b"]);
  await other.close();
});

Deno.test("shareStream: scopes and events may stand in one value, between commas", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const [first, second] = await open(server, locks, { scopes: ["user:a,novel:b"], events: ["a.b,c.*"] }, A);
  assert.ok(first && second);
  assert.deepEqual(openScopes(server), ["novel:b user:a"]);
  server.publish("a.b", ["user:a"]);
  server.publish("c.d", ["novel:b", "user:a"]);
  server.publish("e.f", ["user:a"]);
  await until(() => [first, second].every(({ lastId }) => lastId === "log:0:2"), "both are at the end");
  assert.deepEqual([first.names, second.names], [["a.b", "c.d"], ["a.b", "c.d", "e.f"]]);
  await close([first, second]);
});

Deno.test("shareStream: pages that come together while one leads need no streams of their own", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const pages = await open(server, locks, A);
  pages.push(
    ...Array.from({ length: 6 }, (_, index) => new Page(server.transport, locks, { scopes: [`user:${index}`] })),
  );
  await until(() => pages.every(({ openedCount }) => openedCount > 0), "all are open");
  await until(() => server.openStreams === 1, "one stream is left");
  assert.ok(server.openedScopes.every((scopes) => scopes.includes("user:a")), "each stream was the leader's");
  await close(pages);
});

const SEEDS = 12;
const SCOPES = ["user:a", "user:b", "novel:a", "novel:b"];

for (const named of [false, true]) {
  const who = named ? "of different scopes" : "that name no scopes";
  Deno.test(`shareStream: whatever pages ${who} do, none loses, repeats or reorders an event`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await run(seed, named);
  });
}

async function run(seed: number, named: boolean): Promise<void> {
  const random = new SeededRandom(seed);
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const living = new Set<Page>();
  const scopes = () => [random.pick(SCOPES), ...random.some(SCOPES, 0.3)];
  // With some seeds the gateway refuses what all pages want together.
  if (named) server.maxScopes = random.pick([4, 4, 2]);
  const come = () => {
    const from = random.chance(0.5) ? undefined : random.between(0, server.log.length) - 1;
    living.add(
      new Page(server.transport, locks, {
        ...(from === undefined ? {} : { lastId: `log:0:${from}` }),
        events: random.pick([[], [], ["a.b"]]),
        scopes: named ? [...new Set(scopes())].slice(0, 2) : [],
      }),
    );
  };
  come();
  for (let step = random.between(10, 30); step > 0; step--) {
    const [one] = [...living].slice(random.between(0, Math.max(0, living.size - 1)));
    const action = random.next();
    if (action < 0.5) server.publish(random.pick(["a.b", "c.d"]), [...new Set(scopes())]);
    else if (action < 0.65 && living.size < 5) come();
    else if (action < 0.75) server.breakAll();
    else if (action < 0.9 && one !== undefined) {
      living.delete(one);
      await (random.chance(0.5) ? one.close() : one.kill());
    }
    for (let turns = random.pick(named ? [0, 1, 5, 100] : [0, 1, 5]); turns > 0; turns--) await turn();
  }
  if (living.size === 0) come();
  await until(() => [...living].every(({ openedCount }) => openedCount > 0), `seed ${seed}: all are open`);
  server.publish("a.b", SCOPES);
  const end = `log:0:${server.log.length - 1}`;
  await until(() => [...living].every(({ events }) => events.includes(end)), `seed ${seed}: all are at ${end}`);
  for (const page of living) {
    const first = Number(page.firstId?.split(":")[2]) + 1;
    assert.deepEqual(page.envelopes, ownEvents(server, page, first), `seed ${seed}`);
    await page.close();
  }
  await until(() => server.openStreams === 0 && locks.heldNames.length === 0, `seed ${seed}: nothing is left`);
}
