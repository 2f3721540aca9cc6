import assert from "node:assert/strict";
import { startNginx } from "./nginx_server.ts";

Deno.test("startNginx serves what its configuration says, also after a restart", async () => {
  await using server = await startNginx({ server: "location / { return 200 hello; }" });
  assert.equal(await (await fetch(server.url)).text(), "hello");
  await server.restart();
  assert.equal(await (await fetch(server.url)).text(), "hello");
});

Deno.test("startNginx with hasNchan takes a publication", async () => {
  await using server = await startNginx({
    hasNchan: true,
    server: "location /pub { nchan_publisher; nchan_channel_id c; }",
  });
  const response = await fetch(`${server.url}/pub`, { method: "POST", body: "x" });
  await response.body?.cancel();
  assert.equal(response.status, 202);
});

Deno.test("startNginx leaves no worker behind when it is disposed of", async () => {
  const server = await startNginx({ server: "location / { return 200 hello; }", workers: 2 });
  await server[Symbol.asyncDispose]();
  await assert.rejects(fetch(server.url), TypeError);
});
