/** The operator's routes over HTTP: who may ask, and what is answered. */
import assert from "node:assert/strict";
import { ADMIN_TOKEN, AdminGateway } from "./admin_gateway.ts";
import { AUTH, RunningGateway } from "./running_gateway.ts";

const READ_ROUTES = [
  "/admin/v1/connections",
  "/admin/v1/connections/none",
  "/admin/v1/status",
  "/admin/v1/stats",
  "/admin/v1/events",
];

Deno.test("/admin/v1: without the admin token, with a wrong one and with a user's nothing is answered but a refusal", async () => {
  await using admin = await AdminGateway.start();
  const user = await admin.running.tokenFor("alice");
  for (const path of READ_ROUTES) {
    for (
      const [headers, status, code] of [
        [{}, 401, "token-missing"],
        [{ authorization: "Bearer wrong" }, 401, "admin-token-invalid"],
        [{ authorization: `Bearer ${ADMIN_TOKEN}x` }, 401, "admin-token-invalid"],
        [{ authorization: `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}` }, 401, "admin-token-invalid"],
        [{ authorization: `Bearer ${user}` }, 401, "admin-token-invalid"],
        [{ cookie: `tidegate=${ADMIN_TOKEN}; token=${ADMIN_TOKEN}` }, 401, "token-missing"],
        [{ authorization: `Bearer ${ADMIN_TOKEN}`, "sec-fetch-site": "cross-site" }, 403, "cross-site-request"],
        [{ authorization: `Bearer ${ADMIN_TOKEN}`, origin: "https://elsewhere.example" }, 403, "cross-site-request"],
        [{ authorization: `Bearer ${ADMIN_TOKEN}`, origin: "null" }, 403, "cross-site-request"],
      ] satisfies [Record<string, string>, number, string][]
    ) {
      const response = await admin.ask("GET", path, undefined, headers);
      assert.equal(response.status, status, `${path} ${JSON.stringify(headers)}`);
      assert.equal((await response.json()).code, code);
      assert.equal(response.headers.get("cache-control"), "no-store");
    }
    const inUrl = await admin.ask("GET", `${path}?token=${ADMIN_TOKEN}&access_token=${ADMIN_TOKEN}`, undefined, {});
    assert.equal(inUrl.status, 401);
    await inUrl.body?.cancel();
  }
});

Deno.test("/admin/v1 and /console: are not there without a configured token, and never on the public port", async () => {
  await using off = await AdminGateway.start({ admin: {} });
  for (const path of [...READ_ROUTES, "/console", "/console/console.js", "/admin/v1/tokens"]) {
    assert.equal(await statusOf(off.ask("GET", path)), 404, path);
  }
  await using on = await AdminGateway.start();
  for (const path of [...READ_ROUTES, "/console"]) {
    const response = fetch(`${on.running.url}${path}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    assert.equal(await statusOf(response), 404, path);
  }
  assert.equal(await statusOf(on.ask("POST", "/admin/v1/tokens", { subject: "x" })), 404, "no minting in production");
});

Deno.test("GET connections: lists open streams with what they had, filtered and page by page", async () => {
  await using admin = await AdminGateway.start();
  const { running } = admin;
  const alice = await running.tokenFor("alice", ["novel:7"]);
  const bob = await running.tokenFor("bob");
  await using first = await running.stream(alice, "?event=task.*");
  await using second = await running.stream(alice);
  await using third = await running.stream(bob);
  for (const stream of [first, second, third]) await stream.next();
  const { ids: [id] } = await (await running.publish(alice, {
    event: "task.status-changed",
    scope: "novel:7",
    data: {},
  })).json();
  await first.next();

  const all = await admin.json("GET", "/admin/v1/connections");
  assert.equal(all.open, 3);
  assert.deepEqual(all.connections.map((each: { subject: string }) => each.subject), ["alice", "alice", "bob"]);
  const [shown] = all.connections;
  assert.deepEqual(
    {
      events: shown.events,
      frames: shown.frames,
      cursor: shown.cursor,
      queued: shown.queuedFrames,
      ended: shown.ended,
    },
    { events: ["task.*"], frames: 1, cursor: id, queued: 0, ended: null },
  );
  assert.ok(shown.bytes > 100 && shown.scopes.includes("novel:7"));
  assert.deepEqual(await admin.json("GET", `/admin/v1/connections/${shown.id}`), {
    ...shown,
    ageSeconds: (await admin.json("GET", `/admin/v1/connections/${shown.id}`)).ageSeconds,
  });
  const onlyBob = await admin.json("GET", "/admin/v1/connections?subject=bob&scope=");
  assert.deepEqual(onlyBob.connections.map((each: { cursor: string | null }) => each.cursor), [null]);
  assert.equal((await admin.json("GET", "/admin/v1/connections?scope=novel:7")).connections.length, 2);

  const pages: string[] = [];
  for (let after: string | null = ""; after !== null;) {
    const page: { connections: { id: string }[]; next: string | null } = await admin.json(
      "GET",
      `/admin/v1/connections?limit=1&after=${after}`,
    );
    pages.push(...page.connections.map((each) => each.id));
    after = page.next;
  }
  assert.deepEqual(pages, all.connections.map((each: { id: string }) => each.id), "each once, in order");
  for (const limit of ["0", "201", "x", "1.5"]) {
    assert.equal(await statusOf(admin.ask("GET", `/admin/v1/connections?limit=${limit}`)), 400);
  }
});

Deno.test("DELETE connections/{id}: closes that stream alone, and the list remembers why", async () => {
  await using admin = await AdminGateway.start();
  const alice = await admin.running.tokenFor("alice");
  await using one = await admin.running.stream(alice);
  await using other = await admin.running.stream(alice);
  const { connectionId } = JSON.parse((await one.next()).data);
  await other.next();
  const closed = await admin.json("DELETE", `/admin/v1/connections/${connectionId}`);
  assert.equal(closed.ended.reason, "closed-by-operator");
  assert.equal(JSON.parse((await one.next()).data).reason, "closed-by-operator");
  await one.over();
  const { connections, ended } = await admin.json("GET", "/admin/v1/connections");
  assert.equal(connections.length, 1);
  assert.deepEqual(ended.map((each: { id: string }) => each.id), [connectionId]);
  assert.equal(await statusOf(admin.ask("DELETE", `/admin/v1/connections/${connectionId}`)), 404);
});

Deno.test("GET status: says how sources, streams and journal are", async () => {
  await using admin = await AdminGateway.start();
  const alice = await admin.running.tokenFor("alice");
  await using stream = await admin.running.stream(alice);
  await stream.next();
  await admin.running.publish(alice, { event: "task.status-changed", scope: "user:alice" }).then((r) =>
    r.body?.cancel()
  );
  await stream.next();
  const status = await admin.json("GET", "/admin/v1/status");
  assert.equal(status.ready, true);
  assert.equal(status.development, false);
  assert.equal(status.publicUrl, admin.running.url);
  assert.deepEqual(status.sources, [{
    source: "events",
    records: 0,
    ms: null,
    partitions: [{ partition: 0, next: "1", first: "0", end: "1" }],
    kind: "embedded",
    state: "up",
  }]);
  assert.equal(status.streams.open, 1);
  assert.equal(status.journal.frames, 1);
  assert.equal(status.totals.published, 1);
});

Deno.test("GET events: shows every event of every scope as it comes, or those that were asked for", async () => {
  await using admin = await AdminGateway.start();
  const alice = await admin.running.tokenFor("alice");
  await using all = await admin.tail();
  await using some = await admin.tail("?scope=user:bob&event=task.*");
  assert.equal((await all.next()).event, "tail.opened");
  const text = `<img src=x onerror=alert(1)>`;
  const published = await admin.running.publish(alice, [
    { event: "task.progress-updated", scope: "user:carol", data: { text } },
    { event: "content.updated", scope: "user:bob" },
    { event: "task.progress-updated", scope: "user:bob", audience: ["novel:7"], priority: "low", data: 2 },
  ]);
  const { ids } = await published.json();
  const lines = (await all.until(({ data }) => data.includes(ids[2]))).map(({ data }) => JSON.parse(data));
  assert.deepEqual(lines.map(({ identity, scope }) => [identity, scope]), [
    [ids[0], "user:carol"],
    [ids[1], "user:bob"],
    [ids[2], "user:bob"],
  ]);
  assert.equal(JSON.parse(lines[0].data).data.text, text, "content is data, not markup");
  await some.next();
  const { data, bytes, ...rest } = JSON.parse((await some.next()).data);
  assert.ok(bytes > 50 && JSON.parse(data).data === 2);
  assert.deepEqual(rest, {
    identity: ids[2],
    event: "task.progress-updated",
    scope: "user:bob",
    audience: ["novel:7"],
    priority: "low",
    isCut: false,
  });
  for (const query of ["?scope=bob", "?event=stream.opened", "?event=%3Cscript%3E"]) {
    assert.equal(await statusOf(admin.ask("GET", `/admin/v1/events${query}`)), 400);
  }
});

Deno.test("GET events: a seventeenth tail is refused, and a drain ends them all", async () => {
  const admin = await AdminGateway.start();
  const tails = await Promise.all(Array.from({ length: 16 }, () => admin.tail()));
  assert.equal(await statusOf(admin.ask("GET", "/admin/v1/events")), 429);
  await admin[Symbol.asyncDispose]();
  for (const tail of tails) await tail.over();
});

Deno.test("GET events: a dead letter stands in every tail, with its identity and reason", async () => {
  await using admin = await AdminGateway.start({
    sources: { raw: { embedded: {} } },
    mappings: {
      rules: [{ name: "all", source: "raw", when: { kind: "a" }, event: "task.status-changed", scope: "user:{user}" }],
    },
  });
  await using tail = await admin.tail();
  await admin.running.gateway.bus("raw")?.publish([{ key: null, value: new TextEncoder().encode("{broken") }]);
  const [letter] = await tail.until(({ event }) => event === "tail.dead-letter").then((events) => events.slice(-1));
  const { identity, reason } = JSON.parse(letter?.data ?? "");
  assert.deepEqual({ identity, reason }, { identity: "raw:0:0", reason: "not-json" });
});

Deno.test("GET stats: has one sample a second, with rates", async () => {
  await using admin = await AdminGateway.start();
  for (;;) {
    const { samples } = await admin.json("GET", "/admin/v1/stats");
    if (samples.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      continue;
    }
    assert.deepEqual(Object.keys(samples[0]), ["atMs", "streams", "rates", "loopDelayMs", "rssBytes"]);
    assert.deepEqual((await admin.json("GET", `/admin/v1/stats?since=${samples.at(-1).atMs + 60_000}`)).samples, []);
    return;
  }
});

Deno.test("GET /console: is one page of our own under a policy that runs nothing inline", async () => {
  await using admin = await AdminGateway.start();
  const page = await admin.ask("GET", "/console", undefined, {});
  assert.equal(page.status, 200);
  assert.equal(
    page.headers.get("content-security-policy"),
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
      "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  );
  assert.equal(page.headers.get("x-content-type-options"), "nosniff");
  assert.equal(page.headers.get("referrer-policy"), "no-referrer");
  assert.equal(page.headers.get("cross-origin-opener-policy"), "same-origin");
  const text = await page.text();
  assert.doesNotMatch(text, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:\/\//);
  for (const [, path = ""] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
    const part = await admin.ask("GET", `/${path}`, undefined, {});
    assert.equal(part.status, 200, path);
    const content = await part.text();
    assert.ok(content.length > 100 && !content.includes(ADMIN_TOKEN));
  }
});

Deno.test("development mode: the console and its tokens are on the public port too", async () => {
  await using running = await RunningGateway.start({
    admin: { token: ADMIN_TOKEN },
    dev: { enabled: true },
    auth: AUTH,
  });
  const status = await fetch(`${running.url}/admin/v1/status`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  assert.equal((await status.json()).development, true);
  assert.equal(await statusOf(fetch(`${running.url}/console`)), 200);
  assert.equal(await statusOf(fetch(`${running.url}/admin/v1/status`)), 401);
});

async function statusOf(asked: Promise<Response>): Promise<number> {
  const response = await asked;
  await response.body?.cancel();
  return response.status;
}
