/** The browser's own EventSource against a real gateway. */
import assert from "node:assert/strict";
import { hears, numbers, Site, upTo } from "./site.ts";

Deno.test("EventSource: after a cut it comes back by itself, and gets what it missed, once", async () => {
  await using site = await Site.open();
  const page = await site.tab();
  await page.evaluate(() => openSource());
  await hears(page, "opened");
  await site.publish(2);
  await hears(page, 2);
  for (let cut = 1; cut <= 3; cut++) {
    site.proxy.isRefusing = true;
    site.proxy.cut();
    await site.publish(2);
    site.proxy.isRefusing = false;
    await hears(page, 2 + 2 * cut);
  }
  assert.deepEqual(await numbers(page), upTo(8));
  assert.equal((await page.evaluate(() => told)).includes("gap-detected"), false);
});

Deno.test("EventSource: a gap is announced before what comes after it", async () => {
  await using site = await Site.open({
    journal: { maxEvents: 5 },
    sources: { events: { embedded: { retention: { maxRecords: 5 } }, format: "tidegate" } },
    publish: { source: "events" },
  });
  const page = await site.tab();
  await page.evaluate(() => openSource());
  await hears(page, "opened");
  await site.publish(1);
  await hears(page, 1);
  site.proxy.isRefusing = true;
  site.proxy.cut();
  await site.publish(20);
  site.proxy.isRefusing = false;
  await hears(page, 21);
  const heard = (await page.evaluate(() => told)).filter((each) => each !== "opened");
  const gapAt = heard.indexOf("gap-detected");
  assert.deepEqual(heard.slice(0, gapAt), [1]);
  const after = heard.slice(gapAt + 1).filter((each) => typeof each === "number");
  assert.deepEqual(after, upTo(21).slice(-after.length), "what was kept comes whole");
  assert.ok(after.length < 20);
});

Deno.test("EventSource: a soft refusal is obeyed: it comes back by itself, and is let in when there is room", async () => {
  await using site = await Site.open({ streams: { maxPerPrincipal: 1 } });
  const [first, second] = [await site.tab(), await site.tab()];
  await first.evaluate(() => openSource());
  await hears(first, "opened");
  await second.evaluate(() => openSource());
  await hears(second, "closing connection-limit");
  assert.deepEqual(await second.evaluate(() => [told.includes("opened"), told.includes("closed")]), [false, false]);
  await first.evaluate(() => source.close());
  await hears(second, "opened");
});

Deno.test("EventSource: a 401 closes it for good", async () => {
  await using site = await Site.open();
  const page = await site.tab();
  await page.context().clearCookies();
  await page.evaluate(() => openSource());
  await hears(page, "closed");
});

Deno.test("EventSource: tokens end the stream at their end; the cookie's fresh one opens the next", async () => {
  await using site = await Site.open();
  const page = await site.tab();
  const context = page.context();
  const [cookie] = await context.cookies();
  assert.ok(cookie !== undefined);
  const { name, domain, path } = cookie;
  await context.addCookies([{ name, domain, path, value: await site.gateway.tokenFor("alice", [], 2_000) }]);
  await page.evaluate(() => openSource());
  await hears(page, "opened");
  await context.addCookies([{ name, domain, path, value: await site.gateway.tokenFor("alice") }]);
  await hears(page, "closing token-expired");
  await site.publish(1);
  await hears(page, 1);
});
