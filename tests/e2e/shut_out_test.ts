/** Revoking, banning and draining by the operator: open streams end, new ones are refused, and it can be taken back. */
import assert from "node:assert/strict";
import { ADMIN_TOKEN, AdminGateway } from "./admin_gateway.ts";
import { SECRET } from "./running_gateway.ts";
import { SignJWT } from "jose";

/** What the objective allows a revocation to take. */
const REVOKED_WITHIN_MS = 5_000;

const WRITE_ROUTES = [
  ["DELETE", "/admin/v1/connections/x"],
  ["POST", "/admin/v1/revocations"],
  ["GET", "/admin/v1/revocations"],
  ["DELETE", "/admin/v1/revocations/subject/x"],
  ["POST", "/admin/v1/bans"],
  ["GET", "/admin/v1/bans"],
  ["DELETE", "/admin/v1/bans/x"],
  ["POST", "/admin/v1/drain"],
] as const;

Deno.test("what changes something: nobody but the operator, and from no other site", async () => {
  await using admin = await AdminGateway.start();
  const user = await admin.running.tokenFor("alice");
  for (const [method, path] of WRITE_ROUTES) {
    const body = method === "POST" ? { subject: "alice", for: "1h" } : undefined;
    for (
      const [headers, status] of [
        [{}, 401],
        [{ authorization: "Bearer wrong" }, 401],
        [{ authorization: `Bearer ${user}` }, 401],
        [{ authorization: `Bearer ${ADMIN_TOKEN}`, origin: "https://elsewhere.example" }, 403],
        [{ authorization: `Bearer ${ADMIN_TOKEN}`, "sec-fetch-site": "same-site" }, 403],
      ] satisfies [Record<string, string>, number][]
    ) {
      const response = await admin.ask(method, path, body, headers);
      await response.body?.cancel();
      assert.equal(response.status, status, `${method} ${path} ${JSON.stringify(headers)}`);
    }
  }
  assert.equal((await admin.json("GET", "/admin/v1/revocations")).count, 0);
  assert.equal((await admin.json("GET", "/admin/v1/status")).draining, false);
});

Deno.test("a form of another site cannot revoke, ban or drain: its types of body are not taken", async () => {
  await using admin = await AdminGateway.start();
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    for (const path of ["/admin/v1/revocations", "/admin/v1/bans"]) {
      const response = await fetch(`${admin.url}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": type },
        body: `{"subject":"alice","for":"1h"}`,
      });
      await response.body?.cancel();
      assert.equal(response.status, 415);
    }
  }
});

Deno.test("POST revocations: closes all streams of the subject within 5 s, refuses its tokens, and is taken back", async () => {
  await using admin = await AdminGateway.start();
  const { running } = admin;
  const alice = await running.tokenFor("alice");
  await using one = await running.stream(alice);
  await using two = await running.stream(alice);
  await using other = await running.stream(await running.tokenFor("bob"));
  for (const stream of [one, two, other]) await stream.next();
  const startMs = performance.now();
  const revoked = await admin.json("POST", "/admin/v1/revocations", { subject: "alice", for: "1h" });
  assert.deepEqual([revoked.kind, revoked.id, revoked.issuer, revoked.closed], ["subject", "alice", null, 2]);
  for (const stream of [one, two]) {
    assert.equal(JSON.parse((await stream.next()).data).reason, "revoked");
    await stream.over();
  }
  assert.ok(performance.now() - startMs < REVOKED_WITHIN_MS);

  for (const [path, method] of [["stream", "GET"], ["poll", "GET"], ["tickets", "POST"]]) {
    const refused = await fetch(`${running.url}/api/v1/events/${path}`, {
      method: method ?? "",
      headers: { authorization: `Bearer ${alice}` },
    });
    assert.equal(refused.status, 401, path);
    assert.equal((await refused.json()).code, "token-revoked");
  }
  assert.equal(await statusOf(running.publish(alice, {})), 401);
  const { entries } = await admin.json("GET", "/admin/v1/revocations");
  assert.deepEqual(entries.map((each: { id: string }) => each.id), ["alice"]);
  const explained = await admin.json("GET", "/admin/v1/explain?scope=user:alice&event=a.b&subject=alice");
  assert.match(JSON.stringify(explained.steps), /The subject is revoked until/);

  assert.equal((await admin.ask("DELETE", "/admin/v1/revocations/subject/alice")).status, 204);
  await using again = await running.stream(alice);
  assert.equal((await again.next()).event, "stream.opened");
  const { connections } = await admin.json("GET", "/admin/v1/connections");
  assert.deepEqual(
    connections.map((each: { subject: string }) => each.subject),
    ["bob", "alice"],
    "bob's was not touched",
  );
  assert.equal(await statusOf(admin.ask("DELETE", "/admin/v1/revocations/subject/alice")), 404);
  assert.equal(await statusOf(admin.ask("DELETE", "/admin/v1/revocations/everything/alice")), 404);
});

Deno.test("POST revocations: by token and by session meets those streams alone, and a later login works again", async () => {
  await using admin = await AdminGateway.start();
  const { running } = admin;
  const sign = (jti: string, sid: string, iat: number) =>
    new SignJWT({ sid }).setProtectedHeader({ alg: "HS256" }).setIssuer("tests").setSubject("alice").setJti(jti)
      .setIssuedAt(iat).setExpirationTime("1h").sign(new TextEncoder().encode(SECRET));
  const now = Math.floor(Date.now() / 1_000);
  const tokens = [
    await sign("t1", "phone", now - 10),
    await sign("t2", "phone", now - 10),
    await sign("t3", "desk", now - 10),
  ];
  const streams = await Promise.all(tokens.map((token) => running.stream(token)));
  for (const stream of streams) await stream.next();
  const [first, second, third] = streams;
  assert.equal((await admin.json("POST", "/admin/v1/revocations", { token: "t1" })).closed, 1);
  assert.equal(JSON.parse((await first?.next())?.data ?? "").reason, "revoked");
  assert.equal((await admin.json("POST", "/admin/v1/revocations", { session: "phone", issuer: "tests" })).closed, 1);
  assert.equal(JSON.parse((await second?.next())?.data ?? "").reason, "revoked");
  assert.equal((await admin.json("POST", "/admin/v1/revocations", { session: "desk", issuer: "others" })).closed, 0);
  const logout = { subject: "alice", issuedBefore: new Date((now - 5) * 1_000).toISOString() };
  assert.equal((await admin.json("POST", "/admin/v1/revocations", logout)).closed, 1);
  assert.equal(JSON.parse((await third?.next())?.data ?? "").reason, "revoked");
  for (const stream of streams) await stream.over();
  await using fresh = await running.stream(await sign("t4", "new", now));
  assert.equal((await fresh.next()).event, "stream.opened");
});

Deno.test("POST bans: closes with banned, refuses softly until it is over or taken back, and leaves the token alone", async () => {
  await using admin = await AdminGateway.start();
  const { running } = admin;
  const alice = await running.tokenFor("alice");
  await using stream = await running.stream(alice);
  await stream.next();
  assert.equal((await admin.json("POST", "/admin/v1/bans", { subject: "alice", for: "1h" })).closed, 1);
  const closing = await stream.next();
  assert.equal(JSON.parse(closing.data).reason, "banned");
  assert.ok(JSON.parse(closing.data).retryAfterMs >= 5_000);
  await using refused = await running.stream(alice);
  assert.equal(refused.response.status, 200);
  assert.equal(refused.response.headers.get("x-tidegate-refused"), "banned");
  assert.equal(JSON.parse((await refused.next()).data).reason, "banned");
  const withStatus = await fetch(`${running.url}/api/v1/events/stream`, {
    headers: { authorization: `Bearer ${alice}`, prefer: "status" },
  });
  assert.equal(withStatus.status, 503);
  await withStatus.body?.cancel();
  assert.equal((await running.publish(alice, { event: "a.b", scope: "user:alice" }).then(bodyLeft)).status, 201);
  assert.equal((await admin.json("GET", "/admin/v1/bans")).count, 1);
  assert.equal((await admin.ask("DELETE", "/admin/v1/bans/alice")).status, 204);
  await using again = await running.stream(alice);
  assert.equal((await again.next()).event, "stream.opened");
  assert.equal((await admin.json("POST", "/admin/v1/bans", { subject: "carol", for: "1ms" })).closed, 0);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await using carol = await running.stream(await running.tokenFor("carol"));
  assert.equal((await carol.next()).event, "stream.opened", "a ban that is over");
});

Deno.test("POST revocations: nobody is forgotten to make room", async () => {
  const { AUTH } = await import("./running_gateway.ts");
  await using admin = await AdminGateway.start({ auth: { ...AUTH, maxRevocations: 2 } });
  for (const subject of ["a", "b"]) await admin.json("POST", "/admin/v1/revocations", { subject });
  const full = await admin.ask("POST", "/admin/v1/revocations", { subject: "c" });
  assert.equal(full.status, 503);
  assert.equal((await full.json()).code, "unavailable");
});

Deno.test("POST drain: is what SIGTERM is to whoever runs the gateway", async () => {
  await using admin = await AdminGateway.start();
  const { gateway } = admin.running;
  assert.deepEqual(await admin.json("POST", "/admin/v1/drain"), { draining: true, windowMs: 0 });
  await gateway.drainAsked;
});

async function bodyLeft(response: Response): Promise<Response> {
  await response.body?.cancel();
  return response;
}

async function statusOf(asked: Promise<Response>): Promise<number> {
  return (await bodyLeft(await asked)).status;
}
