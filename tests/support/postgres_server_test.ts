import assert from "node:assert/strict";
import { startPostgres } from "./postgres_server.ts";

Deno.test("startPostgres takes clients, and again after a kill and a restart in order", async () => {
  await using server = await startPostgres();
  await server.kill();
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: server.port }), Deno.errors.ConnectionRefused);
  await server.restart();
  await server.restart();
  assert.match(server.log(), /database system was not properly shut down.*database system was shut down at/s);
});

Deno.test("startPostgres passes settings on", async () => {
  await assert.rejects(
    startPostgres({ settings: { wal_level: "nonsense" } }),
    /invalid value for parameter "wal_level"/,
  );
});
