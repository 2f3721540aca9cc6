/** Many tabs of one browser over HTTP/1.1, where it opens six connections to an origin and no more. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { hears, numbers, Site, upTo } from "./site.ts";

/** The connections that a browser opens to one origin over HTTP/1.1. */
const MOST_CONNECTIONS = 6;

async function tabs(site: Site, count: number, options: Record<string, unknown>): Promise<Page[]> {
  const pages: Page[] = [];
  for (let opened = 0; opened < count; opened++) {
    const page = await site.tab();
    await page.evaluate((given) => openClient(given), options);
    pages.push(page);
  }
  return pages;
}

Deno.test("seven tabs without sharing: the seventh waits until another is closed", async () => {
  await using site = await Site.open();
  const pages = await tabs(site, MOST_CONNECTIONS, {});
  for (const page of pages) await hears(page, "opened");
  const [seventh] = await tabs(site, 1, {});
  assert.ok(seventh !== undefined);
  await site.publish(1);
  for (const page of pages) await hears(page, 1);
  assert.deepEqual(await seventh.evaluate(() => [client.getSnapshot().status, told.length]), ["connecting", 0]);
  await pages[0]?.close();
  await hears(seventh, "opened");
});

Deno.test("seven tabs that share: one stream, every event in every tab, and a hand-over without loss", async () => {
  await using site = await Site.open();
  const pages = await tabs(site, MOST_CONNECTIONS + 1, { subject: "alice" });
  for (const page of pages) await hears(page, "opened");
  await site.streams(1);
  await site.publish(2);
  for (const page of pages) await hears(page, 2);

  // The first tab holds the stream. It is closed, then its heir's process is killed, while events are on their way.
  const [leader, heir, ...others] = pages;
  await leader?.close();
  await site.publish(2);
  for (const page of [heir, ...others]) await hears(page ?? others[0] as Page, 4);
  await heir?.goto("chrome://crash").catch(() => {});
  await site.publish(2);
  for (const page of others) {
    await hears(page, 6);
    assert.deepEqual(await numbers(page), upTo(6));
    assert.equal((await page.evaluate(() => told)).includes("reset"), false);
  }
  await site.streams(1);
});

Deno.test("tabs with other scopes have streams of their own", async () => {
  await using site = await Site.open();
  const [all] = await tabs(site, 1, { subject: "alice" });
  const [own, same] = await tabs(site, 2, { subject: "alice", scopes: ["user:alice"] });
  assert.ok(all && own && same);
  for (const page of [all, own, same]) await hears(page, "opened");
  await site.streams(2);
  await site.publish(1);
  for (const page of [all, own, same]) await hears(page, 1);
});
