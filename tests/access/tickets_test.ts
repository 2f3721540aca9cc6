import assert from "node:assert/strict";
import fc from "fast-check";
import type { Principal } from "../../src/access/principal.ts";
import { MAX_TICKET_LENGTH, Tickets } from "../../src/access/tickets.ts";
import { type Grant, parseGrant, parseScope, type Scope } from "../../src/model/scope.ts";
import { authConfig, ISSUER, keyPair, NOW_MS, SECRET, sign } from "./issuer_fixture.ts";

const LIFETIME_MS = 30_000;

function grantOf(text: string): Grant {
  const grant = parseGrant(text);
  assert.ok(grant !== undefined);
  return grant;
}

function scopeOf(text: string): Scope {
  const scope = parseScope(text);
  assert.ok(scope !== undefined);
  return scope;
}

const ALICE: Principal = {
  issuer: ISSUER,
  subject: "alice",
  grants: new Set(["user:alice", "novel:*"].map(grantOf)),
  permissions: new Set(["events:publish"] as const),
  publishTargets: { everywhere: true, grants: new Set() },
  expiresAtMs: NOW_MS + 3_600_000,
  issuedAtMs: NOW_MS - 1_000,
  tokenId: "t1",
  sessionId: "s1",
};

function start(section: Record<string, unknown> = {}) {
  const time = { ms: NOW_MS };
  return { time, tickets: new Tickets(authConfig(section), () => time.ms) };
}

async function issued(tickets: Tickets, principal: Principal = ALICE, scopes?: readonly Scope[]): Promise<string> {
  const ticket = await tickets.issue(principal, scopes);
  assert.equal(ticket.kind, "ticket");
  return ticket.kind === "ticket" ? ticket.text : "";
}

async function codeOf(tickets: Tickets, text: string): Promise<string> {
  const outcome = await tickets.redeem(text);
  return "kind" in outcome ? outcome.code : outcome.subject;
}

Deno.test("Tickets: a ticket stands for its principal once, without the right to publish", async () => {
  const { tickets } = start();
  const text = await issued(tickets);
  assert.match(text, /^[A-Za-z0-9_.-]+$/);
  const redeemed = await tickets.redeem(text);
  assert.deepEqual(redeemed, {
    ...ALICE,
    permissions: new Set(),
    publishTargets: { everywhere: false, grants: new Set() },
  });
  assert.deepEqual(await codeOf(tickets, text), "ticket-invalid");
});

Deno.test("Tickets: of a hundred requests with one ticket at once exactly one gets in", async () => {
  const { tickets } = start();
  const text = await issued(tickets);
  const codes = await Promise.all(Array.from({ length: 100 }, () => codeOf(tickets, text)));
  assert.equal(codes.filter((code) => code === "alice").length, 1);
});

Deno.test("Tickets: a ticket ends after its lifetime, or with its token", async () => {
  const { time, tickets } = start();
  const [first, second, short] = [
    await issued(tickets),
    await issued(tickets),
    await issued(tickets, { ...ALICE, expiresAtMs: NOW_MS + 1_000 }),
  ];
  time.ms = NOW_MS + 1_000;
  assert.equal(await codeOf(tickets, short), "ticket-invalid");
  time.ms = NOW_MS + LIFETIME_MS - 1;
  assert.equal(await codeOf(tickets, first), "alice");
  time.ms = NOW_MS + LIFETIME_MS;
  assert.equal(await codeOf(tickets, second), "ticket-invalid");
});

Deno.test("Tickets: is held to the scopes it was asked for, each of which the token must grant", async () => {
  const { tickets } = start();
  const redeemed = await tickets.redeem(await issued(tickets, ALICE, [scopeOf("novel:7")]));
  assert.deepEqual("grants" in redeemed && [...redeemed.grants], ["novel:7"]);
  const refused = await tickets.issue(ALICE, [scopeOf("novel:7"), scopeOf("user:bob")]);
  assert.deepEqual(refused.kind === "refused" && [refused.code, refused.detail], [
    "scope-not-granted",
    'The token does not grant "user:bob".',
  ]);
});

Deno.test("Tickets: one too long for a URL is refused with the way out", async () => {
  const { tickets } = start();
  const grants = new Set(Array.from({ length: 400 }, (_, at) => grantOf(`novel:${crypto.randomUUID()}-${at}`)));
  const refused = await tickets.issue({ ...ALICE, grants });
  assert.equal(refused.kind === "refused" && refused.code, "too-many-grants");
  const [first] = grants;
  assert.ok((await issued(tickets, { ...ALICE, grants }, [scopeOf(first ?? "")])).length <= MAX_TICKET_LENGTH);
});

Deno.test("Tickets: nodes with one secret take each other's tickets, others do not", async () => {
  const shared = { tickets: { secret: `${SECRET}-tickets` } };
  const { jwk } = await keyPair("EdDSA");
  const asymmetric = { issuers: [{ issuer: ISSUER, keys: [{ algorithm: "EdDSA", jwk }] }] };
  assert.equal(await codeOf(start(shared).tickets, await issued(start(shared).tickets)), "alice");
  assert.equal(await codeOf(start().tickets, await issued(start().tickets)), "alice");
  assert.equal(await codeOf(start({ ...asymmetric, ...shared }).tickets, await issued(start(shared).tickets)), "alice");
  assert.equal(await codeOf(start().tickets, await issued(start(shared).tickets)), "ticket-invalid");
  assert.equal(await codeOf(start(asymmetric).tickets, await issued(start(asymmetric).tickets)), "ticket-invalid");
});

Deno.test("Tickets: remembers no more used tickets than allowed, and refuses rather than letting one in twice", async () => {
  const { time, tickets } = start({ tickets: { maxRedeemed: 2 } });
  const texts = await Promise.all(Array.from({ length: 4 }, () => issued(tickets)));
  const codes = [];
  for (const text of texts) codes.push(await codeOf(tickets, text));
  assert.deepEqual(codes, ["alice", "alice", "unavailable", "unavailable"]);
  assert.equal(await codeOf(tickets, texts[0] ?? ""), "ticket-invalid");
  time.ms += LIFETIME_MS;
  assert.equal(await codeOf(tickets, await issued(tickets)), "alice");
});

Deno.test("Tickets: a JWT is no ticket, nor is a ticket that was changed by one character", async () => {
  const { tickets } = start();
  assert.equal(await codeOf(tickets, await sign()), "ticket-invalid");
  assert.equal(await codeOf(tickets, ""), "ticket-invalid");
  assert.equal(await codeOf(tickets, "x".repeat(100_000)), "ticket-invalid");
  const text = await issued(tickets);
  const changed = fc.tuple(fc.nat({ max: text.length - 1 }), fc.constantFrom(..."AZaz09-_.="))
    .map(([at, to]) => text.slice(0, at) + to + text.slice(at + 1))
    .filter((other) => other !== text);
  await fc.assert(fc.asyncProperty(changed, async (other) => (await codeOf(tickets, other)) === "ticket-invalid"), {
    numRuns: 1_000,
  });
  for (const last of "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") {
    const other = text.slice(0, -1) + last;
    if (other !== text) assert.equal(await codeOf(tickets, other), "ticket-invalid", last);
  }
  assert.equal(await codeOf(tickets, text), "alice");
});

Deno.test("Tickets: the URL tells nobody whose ticket it is", async () => {
  const { tickets } = start();
  const text = await issued(tickets);
  const decoded = text.split(".").map((part) => atob(part.replaceAll("-", "+").replaceAll("_", "/"))).join(" ");
  for (const told of ["alice", "novel", ISSUER, "t1", "s1"]) assert.ok(!decoded.includes(told), told);
});
