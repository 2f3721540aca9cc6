/** Many tabs of one browser over HTTP/1.1, where it opens six connections to an origin and no more. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { ConfigInput } from "../../src/config/schema.ts";
import { encodeNativeRecord } from "../../src/pipeline/native_record.ts";
import { ADMIN_TOKEN } from "../e2e/admin_gateway.ts";
import { scopeOf } from "../replay/frames.ts";
import { freePort } from "../support/free_port.ts";
import { hears, numbers, Site, upTo } from "./site.ts";

/** The connections that a browser opens to one origin over HTTP/1.1. */
const MOST_CONNECTIONS = 6;
/** How long a tab that waits for a connection is looked at, in milliseconds: others are told three heartbeats meanwhile. */
const WAIT_MS = 3_000;

/** A gateway that tells its open streams apart. */
const withAdmin = (): ConfigInput => ({ admin: { token: ADMIN_TOKEN }, server: { adminPort: freePort() } });

async function tab(site: Site, options: Record<string, unknown>): Promise<Page> {
  const page = await site.tab();
  await page.evaluate((given) => openClient(given), options);
  return page;
}

async function tabs(site: Site, count: number, options: Record<string, unknown>): Promise<Page[]> {
  const pages: Page[] = [];
  for (let opened = 0; opened < count; opened++) pages.push(await tab(site, options));
  return pages;
}

/** The gateway's open streams. */
async function connections(site: Site): Promise<{ readonly id: string; readonly scopes: readonly string[] }[]> {
  const response = await fetch(`http://127.0.0.1:${site.gateway.gateway.adminPort}/admin/v1/connections`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  return (await response.json()).connections;
}

/** The one open stream, once there is only one. */
async function onlyConnection(site: Site): Promise<{ readonly id: string; readonly scopes: string }> {
  await site.streams(1);
  const [only, ...others] = await connections(site);
  assert.ok(only !== undefined && others.length === 0);
  return { id: only.id, scopes: only.scopes.toSorted().join() };
}

/** Publishes a number to several scopes. */
async function publishTo(site: Site, n: number, ...scopes: readonly string[]): Promise<void> {
  const value = encodeNativeRecord({
    event: "test.number-sent",
    scopes: scopes.map(scopeOf),
    audience: [],
    data: { n },
    time: "2026-01-01T00:00:00.000Z",
    priority: "normal",
    version: 1,
  });
  await site.gateway.gateway.bus("events")?.publish([{ key: null, value }]);
}

Deno.test("seven tabs without sharing: the seventh waits until another is closed", async () => {
  await using site = await Site.open();
  const pages = await tabs(site, MOST_CONNECTIONS, {});
  for (const page of pages) await hears(page, "opened");
  const seventh = await tab(site, {});
  const isTold = seventh.waitForFunction(() => told.length > 0, undefined, { timeout: WAIT_MS });
  const isToldNothing = assert.rejects(isTold, /Timeout/);
  await site.publish(1);
  for (const page of pages) await hears(page, 1);
  await isToldNothing;
  assert.equal(await seventh.evaluate(() => client.getSnapshot().status), "connecting");
  await pages[0]?.close();
  await hears(seventh, "opened");
});

Deno.test("seven tabs that share: one stream, every event in every tab, and a hand-over without loss", async () => {
  await using site = await Site.open(withAdmin());
  const pages = await tabs(site, MOST_CONNECTIONS + 1, { subject: "alice" });
  for (const page of pages) await hears(page, "opened");
  const first = await onlyConnection(site);
  await site.publish(2);
  for (const page of pages) await hears(page, 2);

  // The first tab holds the stream. It is closed, then its heir's process is killed, while events are on their way.
  const [leader, heir, ...others] = pages;
  assert.ok(leader !== undefined && heir !== undefined);
  await leader.close();
  await site.publish(2);
  for (const page of [heir, ...others]) await hears(page, 4);
  assert.deepEqual(await numbers(heir), upTo(4));
  const second = await onlyConnection(site);
  assert.notEqual(second.id, first.id);
  const crashed = heir.waitForEvent("crash");
  const crashing = heir.goto("chrome://crash").catch(() => {});
  await crashed;
  await site.publish(2);
  for (const page of others) {
    await hears(page, 6);
    assert.deepEqual(await numbers(page), upTo(6));
    assert.equal((await page.evaluate(() => told)).includes("reset"), false);
  }
  const third = await onlyConnection(site);
  assert.notEqual(third.id, second.id);
  await crashing;
});

Deno.test("seven tabs of different scopes share one stream: each gets its own events, one for several of them once each", async () => {
  await using site = await Site.open(withAdmin());
  const asked = [["user:alice"], ["global"], ["global", "user:alice"]];
  const pages: Page[] = [];
  for (let index = 0; index < MOST_CONNECTIONS + 1; index++) {
    const page = await tab(site, { subject: "alice", scopes: asked[index % asked.length] });
    await hears(page, "opened");
    pages.push(page);
  }
  const first = await onlyConnection(site);
  assert.equal(first.scopes, "global,user:alice");
  const wanted: Record<string, number[]> = { "user:alice": [], global: [] };
  let published = 0;
  const publish = async (...scopes: readonly string[]) => {
    await publishTo(site, ++published, ...scopes);
    for (const scope of scopes) wanted[scope]?.push(published);
  };
  const publishAll = async () => {
    await publish("user:alice");
    await publish("global", "user:bob");
    await publish("user:bob");
    await publish("user:alice", "global");
  };
  /** What the page at the index must have been given: what addresses one of its scopes, once. */
  const expected = (index: number) =>
    [...new Set((asked[index % asked.length] ?? []).flatMap((scope) => wanted[scope] ?? []))]
      .toSorted((one, other) => one - other);
  const haveAll = async () => {
    for (const [index, page] of pages.entries()) {
      if (page.isClosed()) continue;
      await hears(page, published);
      assert.deepEqual(await numbers(page), expected(index));
    }
  };
  await publishAll();
  await haveAll();
  assert.equal((await onlyConnection(site)).id, first.id);

  // The heir asked for other scopes than the leader that goes.
  await pages[0]?.close();
  await publishAll();
  await haveAll();
  const second = await onlyConnection(site);
  assert.notEqual(second.id, first.id);
  assert.equal(second.scopes, first.scopes);
});

Deno.test("tabs that name no scopes and tabs that name some have a stream each", async () => {
  await using site = await Site.open();
  const all = await tab(site, { subject: "alice" });
  const some = await tabs(site, 2, { subject: "alice", scopes: ["user:alice"] });
  for (const page of [all, ...some]) await hears(page, "opened");
  await site.streams(2);
  await site.publish(3);
  for (const page of [all, ...some]) {
    await hears(page, 3);
    assert.deepEqual(await numbers(page), upTo(3));
  }
});

Deno.test("tabs that share: the one that has the stream renews its token, and has a fresh one for the next opening", async () => {
  await using site = await Site.open({ ...withAdmin(), streams: { tokenWarning: "2s" } });
  const asked: string[][] = [];
  /** The first token of each tab ends soon. */
  const open = async (scope: string) => {
    const reasons: string[] = [];
    asked.push(reasons);
    const page = await site.tabWithTokens(({ reason }) => {
      reasons.push(reason);
      return site.gateway.tokenFor("alice", [], reason === "connect" ? 3_000 : 3_600_000);
    });
    await page.evaluate((scopes) => openClient({ subject: "alice", scopes }), [scope]);
    await hears(page, "opened");
    return page;
  };
  const pages = [await open("user:alice"), await open("user:alice")];
  const since = Date.now();
  // Past the end of the first token, and the second in which it would be noticed.
  for (let sent = 1; Date.now() - since < 4_500; sent++) {
    await site.publish(1);
    for (const page of pages) await hears(page, sent);
  }
  assert.deepEqual(asked, [["connect", "expiring"], ["connect"]]);
  const before = await onlyConnection(site);
  await open("global");
  const after = await onlyConnection(site);
  assert.notEqual(after.id, before.id);
  assert.equal(after.scopes, "global,user:alice");
  assert.deepEqual(asked, [["connect", "expiring", "reconnect"], ["connect"], ["connect"]]);
});

Deno.test("a tab that cannot load unite.js has a stream of its own, beside those that share", async () => {
  await using site = await Site.open();
  const pages = await tabs(site, 2, { subject: "alice" });
  const without = await site.tab();
  await without.route("**/client/unite.js", (route) => route.abort());
  await without.evaluate(() => openClient({ subject: "alice" }));
  pages.push(without);
  for (const page of pages) await hears(page, "opened");
  await site.streams(2);
  await site.publish(2);
  for (const page of pages) {
    await hears(page, 2);
    assert.deepEqual(await numbers(page), upTo(2));
  }
});
