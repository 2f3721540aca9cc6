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
  }
  assert.deepEqual(asked, ["connect", "expiring"]);
  const heard = await page.evaluate(() => told);
  assert.equal(heard.filter((each) => each === "opened").length, 1);
});

Deno.test("SSEClient: a stream that falls silent is noticed and replaced, and what it swallowed comes", async () => {
  await using site = await Site.open();
  const page = await site.tab();
  await page.evaluate(() => openClient());
  await hears(page, "opened");
  await site.publish(1);
  await hears(page, 1);
  site.proxy.stall();
  await site.publish(2);
  await hears(page, 3);
  assert.deepEqual(await page.evaluate(() => told), ["opened", 1, "opened", 2, 3]);
});

Deno.test("SSEClient: a refused token is asked for once more, then it closes", async () => {
  await using site = await Site.open();
  const asked: string[] = [];
  const page = await site.tabWithTokens(({ reason }) => {
    asked.push(reason);
    return asked.length > 1 ? Promise.resolve("no.token.atall") : site.gateway.tokenFor("alice");
  });
  await page.evaluate(() => openClient());
  await hears(page, "opened");
  site.proxy.cut();
  await hears(page, "closed unauthorized");
  assert.deepEqual(asked, ["connect", "reconnect", "unauthorized"]);
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

Deno.test("SSEClient: a frozen tab whose connection was forgotten, and one without a network, resume behind the last event", async () => {
  await using site = await Site.open();
  const page = await site.tab();
  await page.evaluate(() => openClient());
  await hears(page, "opened");
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  site.proxy.stall();
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

Deno.test("SSEClient: a tab that waits for its next attempt makes it when the tab is shown again", async () => {
  await using site = await Site.open();
  const page = await site.tab();
  // No attempt would come by itself while the test runs.
  await page.evaluate(() => openClient({ retry: { minMs: 3_600_000, maxMs: 7_200_000 } }));
  await hears(page, "opened");
  // A browser without a window hides no tab: the page is told what it would be told by one that does.
  const show = (isShown: boolean) =>
    page.evaluate((isHidden) => {
      Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, !isShown);
  await show(false);
  site.proxy.isRefusing = true;
  site.proxy.cut();
  await page.waitForFunction(() => client.getSnapshot().status === "reconnecting");
  site.proxy.isRefusing = false;
  await site.publish(2);
  assert.deepEqual(await numbers(page), []);
  await show(true);
  await hears(page, 2);
  assert.deepEqual(await numbers(page), [1, 2]);
});

Deno.test("SSEClient: a page that comes back from the back/forward cache goes on behind its last event", async () => {
  await using site = await Site.open({}, undefined, { keepsPages: true });
  const page = await site.tab();
  await page.evaluate(() => {
    addEventListener("pageshow", ({ persisted }) => told.push(persisted ? "restored" : "loaded"));
    openClient();
  });
  await hears(page, "opened");
  await site.publish(1);
  await hears(page, 1);
  await page.goto(`${new URL(page.url()).origin}/?other`);
  await site.publish(2);
  // No load event comes, so the driver's own step back would wait for it.
  // Not in the call itself, whose answer would be lost with the page that is left.
  await page.evaluate(() => void setTimeout(() => history.back()));
  await hears(page, 3);
  // What had come before the page was left aside may be told before it is told that it is back.
  assert.deepEqual(await numbers(page), [1, 2, 3]);
  assert.ok((await page.evaluate(() => told)).includes("restored"), "it is the page that was left, not a new one");
});

Deno.test("a 204 on a reconnect ends it for good: our client and the browser's own", async () => {
  await using site = await Site.open();
  for (const open of ["openClient", "openSource"] as const) {
    let requests = 0;
    await using gone = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
      const cors = {
        "access-control-allow-origin": headers.get("origin") ?? "",
        "access-control-allow-credentials": "true",
      };
      if (++requests > 1) return new Response(null, { status: 204, headers: cors });
      const first = 'retry: 10\nevent: stream.opened\ndata: {"connectionId":"c","heartbeatMs":1000}\n\n';
      return new Response(first, { headers: { ...cors, "content-type": "text/event-stream" } });
    });
    const page = await site.tab();
    const url = `http://127.0.0.1:${gone.addr.port}`;
    await page.evaluate(
      ([open, url]) => open === "openClient" ? openClient({ url }) : openSource("", "/", url),
      [open, url] as const,
    );
    await hears(page, open === "openClient" ? "closed ended" : "closed");
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
    assert.equal(requests, 2, open);
  }
});
