/** Our client in a browser against a real gateway. */
import assert from "node:assert/strict";
import { hears, numbers, Site, upTo } from "./site.ts";

Deno.test("SSEClient: with a token in the header it survives cuts and a reload, and gets each event once", async () => {
  await using site = await Site.open();
  const asked: string[] = [];
  const page = await site.tabWithTokens(({ reason }) => {
    asked.push(reason);
    return site.gateway.tokenFor("alice");
  });
  await page.evaluate(() => openClient());
  await hears(page, "opened");
  await site.publish(2);
  await hears(page, 2);
  for (let cut = 1; cut <= 3; cut++) {
    site.proxy.cut();
    await site.publish(2);
    await hears(page, 2 + 2 * cut);
  }
  assert.deepEqual(await numbers(page), upTo(8));
  assert.deepEqual(asked, ["connect", "reconnect", "reconnect", "reconnect"]);
  assert.equal((await page.evaluate(() => told)).includes("reset"), false);

  // The cursor is in the tab's session storage.
  await page.goto("about:blank");
  await site.publish(3);
  await page.goBack();
  await page.waitForFunction(() => globalThis.isReady);
  await page.evaluate(() => openClient());
  await hears(page, 11);
  assert.deepEqual(await numbers(page), [9, 10, 11]);
});

Deno.test("SSEClient: an open stream's token is renewed in place, and the stream outlives the first one", async () => {
  await using site = await Site.open({ streams: { tokenWarning: "2s" } });
  const asked: string[] = [];
  const page = await site.tabWithTokens(({ reason }) => {
    asked.push(reason);
    return site.gateway.tokenFor("alice", [], reason === "connect" ? 3_000 : 3_600_000);
  });
  await page.evaluate(() => {
    openClient();
    client.onControl(({ name }) => told.push(name));
  });
  await hears(page, "stream.token-expiring");
  const since = Date.now();
  // Past the end of the first token, and the second in which it would be noticed.
  for (let sent = 1; Date.now() - since < 4_000; sent++) {
    await site.publish(1);
    await hears(page, sent);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.deepEqual(asked, ["connect", "expiring"]);
  const heard = await page.evaluate(() => told);
  assert.equal(heard.filter((each) => each === "opened").length, 1);
});

Deno.test("SSEClient: a stream that falls silent is replaced; a refused token is asked for once more, then closes", async () => {
  await using site = await Site.open();
  let isRefused = false;
  const page = await site.tabWithTokens(() =>
    isRefused ? Promise.resolve("no.token.atall") : site.gateway.tokenFor("alice")
  );
  await page.evaluate(() => openClient());
  await hears(page, "opened");
  // Nothing comes and nothing ends, as on a network that swallows packets.
  site.proxy.freeze();
  await site.publish(1);
  await page.waitForFunction(() => client.getSnapshot().status === "reconnecting", undefined, { timeout: 20_000 });
  site.proxy.cut();
  site.proxy.thaw();
  await hears(page, 1);
  isRefused = true;
  site.proxy.cut();
  await hears(page, "closed unauthorized");
});

Deno.test("SSEClient: a gap is told with a reset, before what comes after it", async () => {
  await using site = await Site.open({
    journal: { maxEvents: 5 },
    sources: { events: { embedded: { retention: { maxRecords: 5 } }, format: "tidegate" } },
    publish: { source: "events" },
  });
  const page = await site.tab();
  await page.evaluate(() => openClient());
  await hears(page, "opened");
  await site.publish(1);
  await hears(page, 1);
  site.proxy.isRefusing = true;
  site.proxy.cut();
  await site.publish(20);
  site.proxy.isRefusing = false;
  await hears(page, 21);
  const heard = (await page.evaluate(() => told)).filter((each) => each !== "opened");
  assert.deepEqual(heard.slice(0, 3), [1, "gap", "reset"]);
  assert.deepEqual(heard.slice(3), upTo(21).slice(3 - heard.length));
});

Deno.test("SSEClient: a frozen tab and one without a network resume behind the last event", async () => {
  await using site = await Site.open();
  const page = await site.tab();
  await page.evaluate(() => openClient());
  await hears(page, "opened");
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  site.proxy.cut();
  await site.publish(3);
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await hears(page, 3);

  await page.context().setOffline(true);
  site.proxy.cut();
  await page.waitForFunction(() => client.getSnapshot().status === "reconnecting");
  await site.publish(3);
  await page.context().setOffline(false);
  await hears(page, 6);
  assert.deepEqual(await numbers(page), upTo(6));
});
