/** Whether a gateway answers as its own description says. */
import assert from "node:assert/strict";
import addFormats from "ajv-formats";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { freePort } from "../support/free_port.ts";
import { AdminGateway } from "./admin_gateway.ts";
import { RunningGateway } from "./running_gateway.ts";

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
}

interface DescribedOperation {
  readonly parameters?: readonly { readonly name: string; readonly schema: { readonly enum?: readonly string[] } }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

/** A check by a part of a document, named by its JSON pointer. */
async function checks(url: string): Promise<{ document: Described; check: (pointer: string, value: unknown) => void }> {
  const document = await (await fetch(url)).json();
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  // The package's types take it for a module of another kind.
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema(document, "document");
  const check = (pointer: string, value: unknown) => {
    const validate: ValidateFunction | undefined = ajv.getSchema(`document#${pointer}`);
    assert.ok(validate !== undefined, `${pointer} is in the document`);
    assert.equal(validate(value), true, `${pointer}: ${JSON.stringify(validate.errors)} of ${JSON.stringify(value)}`);
  };
  return { document, check };
}

/** Whether each path is there for the methods that the document has, with one of the statuses and types that it names. */
async function answersAsDescribed(
  url: string,
  document: Described,
  check: (pointer: string, value: unknown) => void,
): Promise<void> {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of ["get", "post", "delete"]) {
      const file = methods["get"]?.parameters?.find(({ name }) => name === "file")?.schema.enum?.[0];
      const response = await fetch(url + path.replace("{file}", file ?? "").replaceAll(/\{\w+\}/g, "none"), {
        method: method.toUpperCase(),
      });
      const operation = methods[method];
      assert.equal(response.status !== 405, operation !== undefined, `${method} ${path}: ${response.status}`);
      const type = response.headers.get("content-type")?.split(";")[0] ?? "";
      if (operation !== undefined) {
        const described = operation.responses[response.status]?.content ?? {};
        assert.ok(type in described, `${method} ${path}: ${response.status} ${type}`);
      }
      if (type === "application/problem+json") check("/components/schemas/Problem", await response.json());
      else await response.body?.cancel();
    }
  }
}

Deno.test("/openapi.json: names the routes that there are, and their answers", async () => {
  await using running = await RunningGateway.start();
  const { document, check } = await checks(`${running.url}/openapi.json`);
  const token = await running.tokenFor("alice");
  const headers = { authorization: `Bearer ${token}` };
  await answersAsDescribed(running.url, document, check);
  assert.ok(!Object.keys(document.paths).some((path) => path.startsWith("/admin") || path === "/metrics"));
  const home = await fetch(running.url, { headers: { accept: "application/json" } });
  check("/components/schemas/Home", await home.json());
  check("/components/schemas/Liveness", await (await fetch(`${running.url}/livez`)).json());

  await using stream = await running.stream(token);
  const opened = JSON.parse((await stream.next()).data);
  const event = { event: "task.progress-updated", scope: "user:alice", data: { taskId: "t1", progress: 4 } };
  check("/components/schemas/PublishedEvent", event);
  check("/components/schemas/Published", await (await running.publish(token, event)).json());
  const post = async (path: string) =>
    await (await fetch(`${running.url}/api/v1/events/${path}`, { method: "POST", headers })).json();
  check("/components/schemas/Ticket", await post("tickets"));
  check("/components/schemas/Renewed", await post(`connections/${opened.connectionId}/token`));
  const poll = await fetch(`${running.url}/api/v1/events/poll?cursor=earliest`, { headers });
  check("/components/schemas/PollAnswer", await poll.json());
  check("/components/schemas/Readiness", await (await fetch(`${running.url}/readyz`)).json());
});

Deno.test("/openapi.json of the admin port: names the routes that are there, and their answers", async () => {
  await using admin = await AdminGateway.start();
  const { document, check } = await checks(`${admin.url}/openapi.json`);
  await answersAsDescribed(admin.url, document, check);
  assert.ok(!("/api/v1/events" in document.paths) && !("/" in document.paths), "the public port's are elsewhere");
  assert.ok(!("/admin/v1/tokens" in document.paths), "which is there in development mode alone");
  const { running } = admin;
  await using stream = await running.stream(await running.tokenFor("alice"));
  const { connectionId } = JSON.parse((await stream.next()).data);
  const ask = async (body: string, method: string, path: string, wish?: unknown) =>
    check(`/components/schemas/${body}`, await admin.json(method, `/admin/v1/${path}`, wish));
  await ask("NodeStatus", "GET", "status");
  await ask("ConnectionPage", "GET", "connections");
  await ask("Connection", "GET", `connections/${connectionId}`);
  await ask("Explanation", "GET", "explain?scope=user:alice&event=task.progress-updated");
  await ask("Connection", "DELETE", `connections/${connectionId}`);
  await ask("ConnectionPage", "GET", "connections");
  const revocation = { session: "s1", for: "1h", issuedBefore: "now" };
  check("/components/schemas/RevocationWish", revocation);
  await ask("ShutOut", "POST", "revocations", revocation);
  await ask("ShutOutList", "GET", "revocations");
  const ban = { subject: "alice", for: "1h" };
  check("/components/schemas/BanWish", ban);
  await ask("ShutOut", "POST", "bans", ban);
  await ask("ShutOutList", "GET", "bans");
  let samples: readonly unknown[] = [];
  while (samples.length === 0) {
    const stats = await admin.json("GET", "/admin/v1/stats");
    check("/components/schemas/NodeStats", stats);
    samples = stats.samples;
    if (samples.length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await ask("Draining", "POST", "drain");
});

Deno.test("/openapi.json of the admin port: without an admin token it has the metrics and the health", async () => {
  await using running = await RunningGateway.start({ server: { adminPort: freePort() } });
  const { document } = await checks(`http://127.0.0.1:${running.gateway.adminPort}/openapi.json`);
  assert.deepEqual(Object.keys(document.paths).toSorted(), ["/livez", "/metrics", "/openapi.json", "/readyz"]);
});

Deno.test("/asyncapi.json: describes what a stream sends", async () => {
  await using running = await RunningGateway.start();
  const { check } = await checks(`${running.url}/asyncapi.json`);
  const token = await running.tokenFor("alice");
  await using stream = await running.stream(token, "?last_event_id=bad-cursor");
  const events = [
    { event: "task.progress-updated", scope: "user:alice", data: { taskId: "t1", progress: 4 } },
    { event: "task.status-changed", scope: "user:alice", data: { taskId: "t1", status: "succeeded" } },
  ];
  await running.publish(token, events).then((response) => response.body?.cancel());
  const seen = await stream.until(({ event }) => event === "task.status-changed");
  assert.deepEqual(seen.map(({ event }) => event), [
    "stream.opened",
    "stream.gap-detected",
    "task.progress-updated",
    "task.status-changed",
  ]);
  for (const { event, data } of seen) {
    check(`/components/messages/${event}/payload`, JSON.parse(data));
  }
});

Deno.test("/openapi.json and /asyncapi.json: are not there when the configuration says so", async () => {
  await using running = await RunningGateway.start({ server: { apiDescription: false } });
  for (const path of ["/openapi.json", "/asyncapi.json"]) {
    const response = await fetch(running.url + path);
    assert.equal(response.status, 404);
    await response.body?.cancel();
  }
});
