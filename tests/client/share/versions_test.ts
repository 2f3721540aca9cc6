/** Pages whose code does not fit together, as for a while after a deploy: each file of the client is loaded by itself. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { shareStream } from "../../../src/client/share/mod.ts";
import { TransportError } from "../../../src/client/transport.ts";
import { VERSION } from "../../../src/client/unite/mod.ts";
import { FakeServer } from "./fake_server.ts";
import { LockManagerDouble } from "./lock_manager.ts";
import { Page } from "./page.ts";
import { until } from "./until.ts";

const CLIENT = fileURLToPath(new URL("../../../src/client/", import.meta.url));

/** `share` of another version, with the `unite` of one more, or of none: then it is not to be had. */
async function otherClient(share: number, unite?: number): Promise<AsyncDisposable & { share: typeof shareStream }> {
  const folder = await Deno.makeTempDir({ prefix: "tidegate-share-" });
  const files = { "share/mod.ts": share, "share/shared_stream.ts": share, "unite/mod.ts": unite };
  for (const [path, version] of Object.entries(files)) {
    if (version === undefined) continue;
    const text = await Deno.readTextFile(`${CLIENT}${path}`);
    await Deno.mkdir(dirname(`${folder}/${path}`), { recursive: true });
    await Deno.writeTextFile(`${folder}/${path}`, text.replace(/\bVERSION = \d+;/, `VERSION = ${version};`));
  }
  const { shareStream: other } = await import(pathToFileURL(`${folder}/share/mod.ts`).href);
  return { share: other, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** Two pages of this client and two of another: how many streams they have, when all have all events of the test. */
async function streamsBeside(share: typeof shareStream): Promise<number> {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const pages: Page[] = [];
  for (const each of [undefined, share, undefined, share]) {
    const page = new Page(server.transport, locks, { scopes: ["user:a"] }, "alice", each);
    pages.push(page);
    await until(() => page.openedCount > 0, "it is open");
  }
  for (let count = 0; count < 5; count++) server.publish("a.b", ["user:a"]);
  await until(() => pages.every(({ lastId }) => lastId === "log:0:4"), "all are at the end");
  for (const { events, endedCount } of pages) assert.deepEqual([events.length, endedCount], [5, 0]);
  const { openStreams } = server;
  for (const page of pages) await page.close();
  return openStreams;
}

Deno.test("shareStream: tabs of two versions share with those of their own, and lose nothing", async () => {
  await using other = await otherClient(0, 0);
  assert.equal(await streamsBeside(other.share), 2);
});

Deno.test("shareStream: a page that cannot load the code for it, or finds that of another version, has its own stream", async () => {
  await using none = await otherClient(VERSION);
  assert.equal(await streamsBeside(none.share), 3);
  await using older = await otherClient(VERSION, 0);
  assert.equal(await streamsBeside(older.share), 3);
});

/** What posts each version has, and what is in them. A change here is a new version, there too. */
const POSTS: Readonly<Record<number, readonly string[]>> = {
  1: [
    "ask names",
    "block id",
    "block id,event,data",
    "call nothing",
    "end nothing",
    "end retryMs",
    "here names",
    "no nothing",
    "open id,scopes,opened,losses",
  ],
  2: [
    "ask names",
    "block id",
    "block id,event,data",
    "call nothing",
    "end 2 parts",
    "here names",
    "no nothing",
    "open id,scopes,opened,losses",
  ],
};

function shapeOf(body: unknown): string {
  if (!Array.isArray(body)) return body === undefined ? "nothing" : Object.keys(Object(body)).join();
  return body.every((part) => typeof part === "string") ? "names" : `${body.length} parts`;
}

Deno.test("shareStream: what pages tell one another is what their version has", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const open = async (scope: string) => {
    const page = new Page(server.transport, locks, { scopes: [scope] });
    await until(() => page.openedCount > 0, `the page of ${scope} is open`);
    return page;
  };
  const first = await open("user:a");
  const posts = new Set<string>();
  const channel = new BroadcastChannel(locks.heldNames.join());
  channel.onmessage = ({ data: [kind, from, body, ...more] }) => {
    assert.deepEqual([typeof from, more], ["string", []]);
    posts.add(`${kind} ${shapeOf(body)}`);
  };
  const pages = [first, await open("user:b")];
  server.publish("a.b", ["user:b"]);
  server.publish("a.b", ["user:other"]);
  await until(() => pages.every(({ lastId }) => lastId === "log:0:1"), "both are at the end");
  server.breakAll();
  await until(() => pages.every(({ endedCount }) => endedCount === 1), "the stream is over for both");
  server.refuseNext = new TransportError(503, "no room", 1);
  pages.push(await open("user:c"));
  server.maxScopes = 3;
  pages.push(await open("user:d"));
  assert.deepEqual([...posts].toSorted(), POSTS[VERSION]);
  channel.close();
  for (const page of pages) await page.close();
});
