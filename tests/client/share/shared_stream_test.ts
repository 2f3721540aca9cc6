import assert from "node:assert/strict";
import { SeededRandom } from "../../simulation/seeded_random.ts";
import { FakeServer } from "./fake_server.ts";
import { LockManagerDouble } from "./lock_manager.ts";
import { Page } from "./page.ts";

/** Until it holds; nothing here takes long, and what never comes fails the test. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, `it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

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

Deno.test("shareStream: without locks a page has a stream of its own", async () => {
  const server = new FakeServer();
  const { shareStream } = await import("../../../src/client/share/mod.ts");
  // What `navigator.locks` is where a browser has none.
  assert.equal(shareStream(server.transport, { subject: "alice", locks: null }), server.transport);
});

const SEEDS = 12;

Deno.test("shareStream: whatever pages do, no page loses, repeats or reorders an event", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new SeededRandom(seed);
    const server = new FakeServer();
    const locks = new LockManagerDouble();
    const living = new Set<{ readonly page: Page; readonly from: number }>();
    const come = () => {
      const from = random.chance(0.5) ? undefined : random.between(0, server.log.length) - 1;
      const page = new Page(server.transport, locks, {
        ...(from === undefined ? {} : { lastId: `log:0:${from}` }),
        events: random.pick([[], [], ["a.b"]]),
      });
      // Where a page without a cursor begins is known with its first id.
      living.add({ page, from: from === undefined ? -1 : from + 1 });
    };
    come();
    for (let step = random.between(10, 30); step > 0; step--) {
      const [one] = [...living].slice(random.between(0, Math.max(0, living.size - 1)));
      const action = random.next();
      if (action < 0.5) server.publish(random.pick(["a.b", "c.d"]));
      else if (action < 0.65 && living.size < 5) come();
      else if (action < 0.75) server.breakAll();
      else if (action < 0.9 && one !== undefined) {
        living.delete(one);
        await (random.chance(0.5) ? one.page.close() : one.page.kill());
      }
      for (let turns = random.pick([0, 1, 5]); turns > 0; turns--) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
    if (living.size === 0) come();
    server.publish("a.b");
    const end = `log:0:${server.log.length - 1}`;
    await until(
      () => [...living].every(({ page }) => page.openedCount > 0),
      `seed ${seed}: all are open`,
    );
    server.publish("a.b");
    await until(
      () => [...living].every(({ page }) => page.events.includes(`log:0:${server.log.length - 1}`)),
      `seed ${seed}: all are at ${end}`,
    );
    for (const { page, from } of living) {
      const numbers = page.events.map((id) => Number(id.split(":")[2]));
      const first = from < 0 ? numbers[0] ?? 0 : from;
      const wants = (event: string) => page.wants.length === 0 || page.wants.includes(event);
      const expected = [...server.log.keys()].filter((number) =>
        number >= first && wants(server.log[number]?.event ?? "")
      );
      assert.deepEqual(numbers, expected, `seed ${seed}`);
      await page.close();
    }
    await until(() => server.openStreams === 0 && locks.heldNames.length === 0, `seed ${seed}: nothing is left`);
  }
});
