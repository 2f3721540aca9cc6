import assert from "node:assert/strict";
import { outboxDDL } from "../../src/outbox/outbox_ddl.ts";
import { runCommandLine } from "../cli/run_command_line.ts";

const FILE = new URL("../../docs/guide/event_outbox.sql", import.meta.url);

Deno.test("docs/guide/event_outbox.sql is what tidegate outbox ddl prints; make it anew with that", async () => {
  const { code, out } = await runCommandLine("outbox", "ddl");
  assert.equal(code, 0);
  assert.equal(await Deno.readTextFile(FILE), out);
});

Deno.test("tidegate outbox ddl uses the configured names, and refuses those that are no plain names", async () => {
  const { out } = await runCommandLine(
    "outbox",
    "ddl",
    "--set",
    "outbox.table=app.events",
    "--set",
    "outbox.channel=e1",
  );
  assert.equal(out.trimEnd(), outboxDDL({ table: "app.events", channel: "e1" }).trimEnd());
  assert.match(out, /FUNCTION app\.events_wake\(\)/);
  assert.match(out, /pg_notify\('e1', ''\)/);
  for (const table of ["a; DROP TABLE b", 'a"b', "Events", "a.b.c", ""]) {
    assert.equal((await runCommandLine("outbox", "ddl", "--set", `outbox.table=${table}`)).code, 1, table);
  }
});

Deno.test("tidegate outbox without a topic, or with an unknown one, is called wrongly", async () => {
  assert.equal((await runCommandLine("outbox")).code, 2);
  assert.match((await runCommandLine("outbox", "dll")).err, /did you mean ddl\?/);
});
