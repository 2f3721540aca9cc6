import assert from "node:assert/strict";
import { SignJWT } from "jose";
import { SSEClient } from "../../src/client/core/mod.ts";
import { AdminGateway } from "./admin_gateway.ts";
import { RunningGateway, SECRET } from "./running_gateway.ts";

function renew(running: RunningGateway, id: string, headers: Record<string, string>): Promise<Response> {
  return fetch(`${running.url}/api/v1/events/connections/${id}/token`, { method: "POST", headers });
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

async function codeOf(response: Response): Promise<string> {
  return (await response.json()).code;
}

Deno.test("POST token: the open stream lives on under the new token, with its scopes, and loses nothing", async () => {
  await using running = await RunningGateway.start();
  await using stream = await running.stream(await running.tokenFor("alice", [], 1_500));
  const { connectionId } = JSON.parse((await stream.next()).data);
  const fresh = await running.tokenFor("alice", ["novel:7"]);
  const response = await renew(running, connectionId, bearer(fresh));
  assert.equal(response.status, 200);
  const body = await response.json();
  assert.deepEqual(body.scopes.toSorted(), ["global", "novel:7", "user:alice"]);
  assert.ok(Date.parse(body.expiresAt) > Date.now() + 3_000_000);
  const changed = (await stream.until(({ event }) => event === "stream.access-changed")).at(-1);
  assert.deepEqual(JSON.parse(changed?.data ?? ""), { granted: ["novel:7"], revoked: [] });
  // Beyond the first token's end; a second is how often the gateway looks.
  await new Promise((resolve) => setTimeout(resolve, 2_600));
  const published = await running.publish(fresh, { event: "chapter.text-changed", scope: "novel:7", data: { n: 1 } });
  await published.body?.cancel();
  assert.equal((await stream.until(({ event }) => event === "chapter.text-changed")).length > 0, true);
  assert.equal(stream.isOver, false);
});

Deno.test("POST token: who is not the stream's own principal, or has no good token, changes nothing", async () => {
  await using running = await RunningGateway.start();
  const alice = await running.tokenFor("alice");
  await using stream = await running.stream(alice);
  const { connectionId } = JSON.parse((await stream.next()).data);
  const bob = await renew(running, connectionId, bearer(await running.tokenFor("bob", ["user:alice"])));
  assert.deepEqual([bob.status, await codeOf(bob)], [404, "not-found"], "as for a stream that does not exist");
  const unknown = await renew(running, crypto.randomUUID(), bearer(alice));
  assert.deepEqual([unknown.status, await codeOf(unknown)], [404, "not-found"]);
  const hostile = await renew(running, "..%2f%00%0d%0a", bearer(alice));
  assert.deepEqual([hostile.status, await codeOf(hostile)], [404, "not-found"]);
  const expired = await renew(running, connectionId, bearer(await running.tokenFor("alice", [], -1_000)));
  assert.deepEqual([expired.status, await codeOf(expired)], [401, "token-expired"]);
  const none = await renew(running, connectionId, {});
  assert.deepEqual([none.status, await codeOf(none)], [401, "token-missing"]);
  const get = await fetch(`${running.url}/api/v1/events/connections/${connectionId}/token`, { headers: bearer(alice) });
  assert.deepEqual([get.status, await codeOf(get)], [405, "method-not-allowed"]);
  const published = await running.publish(alice, { event: "test.note-sent", scope: "user:alice", data: 1 });
  await published.body?.cancel();
  assert.equal((await stream.next()).event, "test.note-sent", "the stream goes on as it was");
});

Deno.test("POST token: a revoked token is refused, and the stream goes on under its own until that is revoked", async () => {
  await using admin = await AdminGateway.start();
  const { running } = admin;
  const alice = await running.tokenFor("alice");
  const named = (jti: string) =>
    new SignJWT().setProtectedHeader({ alg: "HS256" }).setIssuer("tests").setSubject("alice").setJti(jti)
      .setIssuedAt().setExpirationTime("1h").sign(new TextEncoder().encode(SECRET));
  await using stream = await running.stream(await named("first"));
  const { connectionId } = JSON.parse((await stream.next()).data);
  const second = await named("second");
  assert.equal((await admin.json("POST", "/admin/v1/revocations", { token: "second" })).closed, 0);
  const refused = await renew(running, connectionId, bearer(second));
  assert.deepEqual([refused.status, await codeOf(refused)], [401, "token-revoked"]);
  const published = await running.publish(alice, { event: "test.note-sent", scope: "user:alice", data: 1 });
  await published.body?.cancel();
  assert.equal((await stream.next()).event, "test.note-sent");

  // A third one takes the place of the first, whose revocation then meets nobody.
  const renewed = await renew(running, connectionId, bearer(await named("third")));
  assert.equal(renewed.status, 200);
  await renewed.body?.cancel();
  assert.equal((await admin.json("POST", "/admin/v1/revocations", { token: "first" })).closed, 0);
  assert.equal((await admin.json("POST", "/admin/v1/revocations", { subject: "alice" })).closed, 1);
  assert.equal(JSON.parse((await stream.next()).data).reason, "revoked");
  const late = await renew(running, connectionId, bearer(alice));
  assert.deepEqual([late.status, await codeOf(late)], [401, "token-revoked"]);
});

Deno.test("POST token: renewals count as openings, and are refused when they come too fast", async () => {
  await using running = await RunningGateway.start({ streams: { openRate: { perSecond: 1, burst: 2 } } });
  const alice = await running.tokenFor("alice");
  await using stream = await running.stream(alice);
  const { connectionId } = JSON.parse((await stream.next()).data);
  const first = await renew(running, connectionId, bearer(alice));
  assert.equal(first.status, 200);
  await first.body?.cancel();
  const second = await renew(running, connectionId, bearer(alice));
  assert.deepEqual([second.status, await codeOf(second)], [429, "too-many-requests"]);
  assert.ok(Number(second.headers.get("retry-after")) >= 1);
});

Deno.test("SSEClient: an open stream gets its fresh token in place, and reads on over the first one's end", async () => {
  await using running = await RunningGateway.start({ streams: { tokenWarning: "2s" } });
  const firstLifetimeMs = 2_500;
  const reasons: string[] = [];
  const client = new SSEClient<{ "test.number-sent": number }>({
    url: running.url,
    storage: "memory",
    getToken: ({ reason }) => {
      reasons.push(reason);
      return running.tokenFor("alice", [], reason === "connect" ? firstLifetimeMs : 3_600_000);
    },
  });
  const isOpen = Promise.withResolvers<void>();
  const openings: string[] = [];
  client.onControl(({ name }) => {
    if (name === "stream.opened") openings.push(name);
    isOpen.resolve();
  });
  const events = client.events("test.number-sent");
  client.open();
  try {
    await isOpen.promise;
    const publisher = await running.tokenFor("alice");
    // Until the second is over in which the end of the first token would be noticed.
    const endMs = performance.now() + firstLifetimeMs + 1_500;
    let count = 0;
    for (; performance.now() < endMs; count++) {
      const event = { event: "test.number-sent", scope: "user:alice", data: count };
      await running.publish(publisher, event).then((response) => response.body?.cancel());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const seen: number[] = [];
    for await (const { data } of events) if (seen.push(data) === count) break;
    assert.deepEqual(seen, Array.from({ length: count }, (_, n) => n));
    assert.deepEqual([reasons, openings], [["connect", "expiring"], ["stream.opened"]], "it never reconnected");
  } finally {
    client.close();
  }
});

/** What may stand where the renewal should be: a node that has no such route, a firewall, an outage, a hole. */
const BAD_ANSWERS = [404, 405, 401, 403, 429, 503, "nothing"] as const;

Deno.test("SSEClient: where the renewal is refused, missing or hangs, it comes back once, with a fresh token, and loses nothing", async () => {
  await using running = await RunningGateway.start({
    streams: { tokenWarning: "1s", retry: { min: "1s", max: "1s" } },
  });
  const closed = new AbortController();
  await using renewals = Deno.serve({ port: 0, onListen: () => {} }, (request) => {
    const [answer] = new URL(request.url).pathname.split("/").slice(1);
    if (answer !== "nothing") return new Response("no", { status: Number(answer) });
    return new Promise<Response>((resolve) => closed.signal.addEventListener("abort", () => resolve(new Response())));
  });
  const clients = BAD_ANSWERS.map((answer) =>
    readerBehind(running, `http://127.0.0.1:${renewals.addr.port}/${answer}`)
  );
  try {
    await Promise.all(clients.map(({ isOpen }) => isOpen));
    const publisher = await running.tokenFor("alice");
    let count = 0;
    const publish = async () => {
      const event = { event: "test.number-sent", scope: "user:alice", data: count++ };
      await running.publish(publisher, event).then((response) => response.body?.cancel());
      await new Promise((resolve) => setTimeout(resolve, 100));
    };
    // Before the token's end, over the time without a stream, and well into the second stream.
    while (clients.some(({ told }) => told.filter((name) => name === "stream.opened").length < 2)) await publish();
    for (let more = 0; more < 15; more++) await publish();
    for (const [index, { numbers, told, reasons, errors }] of clients.entries()) {
      const seen: number[] = [];
      for await (const { data } of numbers) if (seen.push(data) === count) break;
      const answer = BAD_ANSWERS[index];
      assert.deepEqual(seen, Array.from({ length: count }, (_, n) => n), `${answer}`);
      assert.deepEqual(told.filter((name) => !/caught-up/.test(name)), [
        "stream.opened",
        "stream.token-expiring",
        "stream.closing",
        "stream.opened",
      ], `${answer}`);
      assert.deepEqual(reasons, ["connect", "expiring", "reconnect"], `${answer}`);
      assert.deepEqual(errors, [
        answer === "nothing"
          ? "Cannot go on: the stream is over"
          : `Cannot renew the token of an open stream: ${answer}`,
      ]);
    }
  } finally {
    for (const { client } of clients) client.close();
    closed.abort();
  }
});

/** A client whose renewals go elsewhere, with a first token that ends after 2.5 s, and all that it told. */
function readerBehind(running: RunningGateway, renewalURL: string) {
  const reasons: string[] = [];
  const told: string[] = [];
  const errors: string[] = [];
  const client = new SSEClient<{ "test.number-sent": number }>({
    url: running.url,
    storage: "memory",
    getToken: ({ reason }) => {
      reasons.push(reason);
      return running.tokenFor("alice", [], reason === "connect" ? 2_500 : 3_600_000);
    },
    fetch: (input, init) => fetch(/\/token$/.test(String(input)) ? renewalURL : input, init),
  });
  client.onError(({ message }) => errors.push(message));
  const isOpen = new Promise<void>((resolve) =>
    client.onControl(({ name }) => {
      told.push(name);
      if (name === "stream.opened") resolve();
    })
  );
  const numbers = client.events("test.number-sent");
  client.open();
  return { client, isOpen, numbers, reasons, told, errors };
}
