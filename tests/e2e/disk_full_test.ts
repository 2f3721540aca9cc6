/** A disk without room under the embedded log, made by the kernel's limit on the size of a file. */
import assert from "node:assert/strict";
import { FROM_SOURCE, startGatewayProcess } from "../support/gateway_process.ts";

/** For `ulimit -f`, in KiB: some hundred events. The signal that a write beyond it brings is ignored, so the write fails instead. */
const WITH_LITTLE_ROOM = ["bash", "-c", `trap '' XFSZ; ulimit -f 400; exec "$@"`, "bash", ...FROM_SOURCE];
const CONFIG = {
  sources: { events: { embedded: { path: "log.db" }, format: "tidegate" } },
  publish: { source: "events" },
};
const EVENT_BYTES = 1_000;

Deno.test("a full disk: what was accepted stays, what has no room is refused as unwritten, streams go on; with room again all goes on", async () => {
  await using gateway = await startGatewayProcess({ config: CONFIG, program: WITH_LITTLE_ROOM });
  const token = await gateway.tokenFor("alice");
  const publish = async (n: number): Promise<Response> =>
    await fetch(`${gateway.url}/api/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({
        event: "test.number-sent",
        scope: "user:alice",
        data: { n, text: "x".repeat(EVENT_BYTES) },
      }),
    });
  const accepted: number[] = [];
  const refused: string[] = [];
  {
    await using stream = await gateway.stream(token, "?scope=user:alice");
    await stream.next();
    for (let n = 0; refused.length < 20 && n < 5_000; n++) {
      const response = await publish(n);
      const text = await response.text();
      if (response.status === 201) accepted.push(n);
      else refused.push(`${response.status} ${JSON.parse(text).code}`);
    }
    assert.ok(accepted.length > 20 && refused.length === 20, `${accepted.length} accepted`);
    assert.deepEqual([...new Set(refused)], ["503 source-unavailable"]);
    const delivered: number[] = [];
    while (delivered.length < accepted.length) {
      const { event, data } = await stream.next();
      if (event === "test.number-sent") delivered.push(JSON.parse(data).data.n);
    }
    assert.deepEqual(delivered, accepted, "what was refused came to nobody");
  }
  await gateway.stop();

  await using again = await startGatewayProcess({
    config: { ...CONFIG, sources: { events: { embedded: { path: `${gateway.folder}/log.db` }, format: "tidegate" } } },
    program: withWriting(gateway.folder),
  });
  await using stream = await again.stream(await again.tokenFor("alice"), "?scope=user:alice&last_event_id=earliest");
  const kept: number[] = [];
  while (kept.length < accepted.length) {
    const { event, data } = await stream.next();
    assert.notEqual(event, "stream.gap-detected", data);
    if (event === "test.number-sent") kept.push(JSON.parse(data).data.n);
  }
  assert.deepEqual(kept, accepted);
  const [id] = await again.publish(await again.tokenFor("alice"), {
    event: "test.number-sent",
    scope: "user:alice",
    data: { n: -1 },
  });
  assert.ok(id !== undefined, "with room again it takes events");
});

/** The log lies in another process's folder. */
function withWriting(folder: string): readonly string[] {
  return FROM_SOURCE.map((argument) => argument === "--allow-write=." ? `--allow-write=.,${folder}` : argument);
}
