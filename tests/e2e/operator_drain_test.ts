import assert from "node:assert/strict";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { ADMIN_TOKEN } from "./admin_gateway.ts";

Deno.test("POST drain: a gateway's process closes its streams as on SIGTERM, and ends with 0", async () => {
  // Development mode has the operator's routes on the port that the test knows.
  await using node = await startGatewayProcess({
    config: { admin: { token: ADMIN_TOKEN }, dev: { enabled: true, demo: false }, log: { format: "json" } },
  });
  await using stream = await node.stream(await node.tokenFor("alice"));
  await stream.next();
  const response = await fetch(`${node.url}/admin/v1/drain`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  assert.equal(response.status, 202);
  assert.deepEqual(await response.json(), { draining: true, windowMs: 0 });
  assert.equal(JSON.parse((await stream.next()).data).reason, "draining");
  await stream.over();
  const deadline = performance.now() + 10_000;
  while (await isListening(node.port)) {
    assert.ok(performance.now() < deadline, node.log());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.match(node.log(), /Draining 1 streams/);
  const printed = node.log().split("\n").filter((line) => line.includes(ADMIN_TOKEN));
  assert.equal(printed.length, 1, "the token stands in the console's link and nowhere else");
});

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
