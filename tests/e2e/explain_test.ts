/** `GET /admin/v1/explain`: every reason why somebody gets an event or not. */
import assert from "node:assert/strict";
import type { Explanation } from "../../src/admin/explanation.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { ADMIN_TOKEN, AdminGateway } from "./admin_gateway.ts";

const RAW = {
  sources: { raw: { embedded: {} }, events: { embedded: {}, format: "tidegate" } },
  mappings: {
    rules: [
      { name: "quiet", source: "raw", when: { type: "quiet" }, drop: true },
      {
        name: "progress",
        source: "raw",
        when: { type: "progress" },
        event: "task.progress-updated",
        scope: "user:{user}",
        fields: { text: "text" },
      },
    ],
  },
  streams: { maxFrameBytes: "4KiB" },
} satisfies ConfigInput;

async function explain(admin: AdminGateway, parameters: Record<string, string>): Promise<Explanation> {
  return await admin.json("GET", `/admin/v1/explain?${new URLSearchParams(parameters)}`);
}

function textOf({ steps }: Explanation): string {
  return steps.map(({ ok, text }) => `${ok === null ? "?" : ok ? "+" : "-"} ${text}`).join("\n");
}

Deno.test("explain: tells of a published event which streams of a subject take it, and why the others do not", async () => {
  await using admin = await AdminGateway.start();
  const { running } = admin;
  const alice = await running.tokenFor("alice", ["novel:7"]);
  await using takes = await running.stream(alice, "?scope=user:alice");
  await using filtered = await running.stream(alice, "?scope=user:alice&event=content.*");
  await using elsewhere = await running.stream(alice, "?scope=global");
  for (const stream of [takes, filtered, elsewhere]) await stream.next();
  const publish = async (body: object) =>
    (await (await running.publish(alice, { event: "task.status-changed", scope: "user:alice", ...body })).json())
      .ids[0];
  const identity = await publish({});
  const id = (await takes.next()).id ?? "";
  assert.ok(id.startsWith(`${identity}~`));

  for (const asked of [identity, id]) {
    const answer = await explain(admin, { identity: asked, subject: "alice" });
    assert.equal(answer.verdict, "matches");
    assert.match(textOf(answer), /^\+ .*memory.*from there$/m);
    assert.match(textOf(answer), /^\+ Mapped by its publisher$/m);
    assert.match(textOf(answer), /^\+ Stream \w{8} reads "user:alice"/m);
    assert.match(textOf(answer), /^- Stream \w{8} does not get it: its event filter is "content\.\*"$/m);
    assert.match(textOf(answer), /^- Stream \w{8} does not get it: it reads "global", not "user:alice"$/m);
  }
  assert.match(textOf(await explain(admin, { identity })), /^\+ 1 open streams of this node take it$/m);

  const forEditors = await publish({ audience: ["novel:8"] });
  const withheld = await explain(admin, { identity: forEditors, subject: "alice" });
  assert.equal(withheld.verdict, "not-for-them");
  assert.match(textOf(withheld), /^- .*its token does not grant "novel:8", which the audience asks for$/m);

  const absent = await explain(admin, { identity, subject: "bob" });
  assert.equal(absent.verdict, "no-stream");
  assert.match(textOf(absent), /^- The subject has no open stream on this node/m);

  await using late = await running.stream(alice, "?scope=user:alice");
  await late.next();
  assert.match(textOf(await explain(admin, { identity, subject: "alice" })), /^\? .*after the record was written/m);
});

Deno.test("explain: tells that a stream which ended would have taken it, and why it ended", async () => {
  await using admin = await AdminGateway.start();
  const bob = await admin.running.tokenFor("bob");
  await using stream = await admin.running.stream(bob);
  const { connectionId } = JSON.parse((await stream.next()).data);
  await admin.json("DELETE", `/admin/v1/connections/${connectionId}`);
  await stream.over();
  const answer = await explain(admin, { scope: "user:bob", event: "task.status-changed", subject: "bob" });
  assert.equal(answer.verdict, "no-stream");
  assert.match(textOf(answer), /^\? Stream \w{8} ended at .*: closed-by-operator$/m);
});

Deno.test("explain: names the rule, the drop, the dead letter and the limit that withhold a record from everyone", async () => {
  await using admin = await AdminGateway.start(RAW);
  const bus = admin.running.gateway.bus("raw");
  const records = [
    `{"type":"progress","user":"42","text":"x"}`,
    `{"type":"quiet"}`,
    `{"type":"progress"}`,
    `{broken`,
    `{"type":"progress","user":"a b"}`,
    JSON.stringify({ type: "progress", user: "42", text: "x".repeat(5_000) }),
  ];
  await bus?.publish(records.map((text) => ({ key: null, value: new TextEncoder().encode(text) })));
  const alice = await admin.running.tokenFor("42");
  await using stream = await admin.running.stream(alice, "?last_event_id=earliest");
  await stream.until(({ event }) => event === "stream.caught-up");
  const of = async (offset: number) => {
    const { verdict, ...rest } = await explain(admin, { identity: `raw:0:${offset}`, subject: "42" });
    return `${verdict}\n${textOf({ verdict, ...rest })}`;
  };
  assert.match(await of(0), /^matches\n[^]*^\+ Mapped by rule progress$/m);
  assert.match(await of(1), /^withheld\n[^]*^- Dropped on purpose, by rule:quiet$/m);
  assert.match(await of(2), /^withheld\n[^]*^- Dropped on purpose, by missing-field:user$/m);
  assert.match(await of(3), /^withheld\n[^]*^- A dead letter, not-json: the value is not JSON$/m);
  assert.match(await of(4), /^withheld\n[^]*^- A dead letter, invalid-scope/m);
  assert.match(await of(5), /^withheld\n[^]*^- Larger than streams.maxFrameBytes \(4096 bytes\)/m);
  for (const secret of ["xxxx", "a b"]) assert.doesNotMatch(await of(5) + await of(4), new RegExp(secret));
  const kinds = await explain(admin, { scope: "user:42", event: "task.progress-updated", subject: "42" });
  assert.match(textOf(kinds), /^\+ Rules that make it: "progress"$/m);
});

Deno.test("explain: tells a position that is not there, not read yet, evicted or trimmed", async () => {
  await using admin = await AdminGateway.start({
    journal: { maxEvents: 2 },
    sources: { events: { embedded: { retention: { maxRecords: 5 } }, format: "tidegate" } },
  });
  const alice = await admin.running.tokenFor("alice");
  const body = Array.from({ length: 8 }, (_, n) => ({ event: "test.numbered-sent", scope: "user:alice", data: n }));
  await using stream = await admin.running.stream(alice);
  await admin.running.publish(alice, body).then((response) => response.body?.cancel());
  await stream.until(({ data }) => JSON.parse(data).data === 7);
  const verdict = async (identity: string) => (await explain(admin, { identity })).verdict;
  assert.equal(await verdict("nowhere:0:1"), "not-found");
  assert.equal(await verdict("events:9:1"), "not-found");
  assert.equal(await verdict("events:0:1e3"), "not-found");
  assert.equal(await verdict("events:0:99999999999999999999"), "not-found");
  assert.equal(await verdict("events:0:8"), "not-read-yet");
  assert.equal(await verdict("events:0:0"), "gone");
  const evicted = await explain(admin, { identity: "events:0:4" });
  assert.equal(evicted.verdict, "matches");
  assert.match(textOf(evicted), /left this node's memory/);
});

Deno.test("explain: refuses what is no question, and whoever is not the operator", async () => {
  await using admin = await AdminGateway.start();
  for (
    const [query, code] of [
      ["", "invalid-scope"],
      ["identity=events", "invalid-request"],
      ["identity=events:0", "invalid-request"],
      ["identity=%3Cscript%3E", "invalid-request"],
      ["scope=user:1", "invalid-event-name"],
      ["scope=user:1&event=stream.opened", "invalid-event-name"],
      ["scope=bob&event=a.b", "invalid-scope"],
    ]
  ) {
    const response = await admin.ask("GET", `/admin/v1/explain?${query}`);
    assert.equal(response.status, 400, query);
    assert.equal((await response.json()).code, code);
  }
  const user = await admin.running.tokenFor("alice");
  const response = await admin.ask("GET", "/admin/v1/explain", undefined, { authorization: `Bearer ${user}` });
  assert.equal((await response.json()).code, "admin-token-invalid");
  assert.notEqual(user, ADMIN_TOKEN);
});
