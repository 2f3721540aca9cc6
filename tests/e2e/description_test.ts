/** Whether a gateway answers as its own description says. */
import assert from "node:assert/strict";
import addFormats from "ajv-formats";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { RunningGateway } from "./running_gateway.ts";

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
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

Deno.test("/openapi.json: names the routes that there are, and their answers", async () => {
  await using running = await RunningGateway.start();
  const { document, check } = await checks(`${running.url}/openapi.json`);
  const token = await running.tokenFor("alice");
  const headers = { authorization: `Bearer ${token}` };
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of ["get", "post"]) {
      const response = await fetch(running.url + path.replace("{id}", "none"), { method: method.toUpperCase() });
      assert.equal(response.status !== 405, method in methods, `${method} ${path}: ${response.status}`);
      if (response.status >= 400 && response.status !== 503) {
        check("/components/schemas/Problem", await response.json());
      } else await response.body?.cancel();
    }
  }

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
