import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openEmbeddedBus } from "../../../src/bus/embedded/open_embedded_bus.ts";
import { BusError } from "../../../src/bus/event_bus.ts";
import { numbered } from "../../contract/event_bus_harness.ts";
import { readAll, recordsOf } from "../../contract/recorded_follow.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("a log in a file has every acknowledged record after kill -9 in the middle of publishing", async () => {
  await using folder = await TemporaryFolder.make();
  const path = join(folder.path, "log.db");
  const script = new URL("publish_until_killed.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", `--allow-read=${folder.path}`, `--allow-write=${folder.path}`, "--allow-env", script, path],
    stdout: "piped",
  }).spawn();
  let printed = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += text;
    if (printed.length > 4_000) break;
  }
  child.kill("SIGKILL");
  await child.status;
  const acknowledged = BigInt(printed.slice(0, printed.lastIndexOf("\n")).split("\n").at(-1) ?? "");
  assert.ok(acknowledged > 500n);
  await using bus = await openEmbeddedBus({ source: "demo", path });
  const { first = 0n, next = 0n } = (await bus.bounds()).partitions.get(0) ?? {};
  assert.ok(next > acknowledged, `${acknowledged} was acknowledged, the log ends at ${next}`);
  assert.equal(recordsOf(await readAll(bus, 0, first, next)).length, Number(next));
  assert.deepEqual(await bus.publish(numbered("after", 1)), [{ partition: 0, offset: next }]);
});

Deno.test("a file that is open is refused, to this process and to others, until it is closed", async () => {
  await using folder = await TemporaryFolder.make();
  const path = join(folder.path, "log.db");
  {
    await using bus = await openEmbeddedBus({ source: "demo", path });
    await assert.rejects(openEmbeddedBus({ source: "demo", path }), /another process has it open/);
    const other = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("publish_until_killed.ts", import.meta.url).pathname, path],
    }).output();
    assert.match(new TextDecoder().decode(other.stderr), /BusError.*another process has it open/s);
    assert.notEqual(other.code, 0);
    await bus.publish(numbered("a", 1));
  }
  await using bus = await openEmbeddedBus({ source: "demo", path });
  assert.equal((await bus.bounds()).partitions.get(0)?.next, 1n);
});

Deno.test("a file that is no log, or another program's, or of a newer format, is refused and left as it is", async () => {
  await using folder = await TemporaryFolder.make();
  const path = join(folder.path, "log.db");
  const cases: [string, () => void, RegExp][] = [
    ["text", () => Deno.writeTextFileSync(path, "this is no database ".repeat(500)), /damaged or no embedded log/],
    ["another program's", () => execute(path, "CREATE TABLE bookmark (url TEXT)"), /another program/],
    [
      "newer",
      () => execute(path, `PRAGMA application_id = ${0x54444754}; PRAGMA user_version = 2; CREATE TABLE t (x)`),
      /version 2/,
    ],
  ];
  for (const [name, make, message] of cases) {
    make();
    const before = Deno.readFileSync(path);
    await assert.rejects(openEmbeddedBus({ source: "demo", path }), (error) => {
      assert.ok(error instanceof BusError, name);
      return message.test(error.message);
    });
    if (name === "text") assert.deepEqual(Deno.readFileSync(path), before);
    Deno.removeSync(path);
  }
});

Deno.test("a file that was cut short or lost records is refused with what to do", async () => {
  await using folder = await TemporaryFolder.make();
  const damages: ((path: string) => void)[] = [
    (path) => Deno.truncateSync(path, Math.floor(Deno.statSync(path).size / 2)),
    (path) => execute(path, "DELETE FROM record WHERE id >= 200"),
    (path) => execute(path, "DELETE FROM record WHERE id = 150"),
    (path) => execute(path, "DELETE FROM partition"),
    overwriteMiddle,
  ];
  for (const [index, damage] of damages.entries()) {
    const path = join(folder.path, `${index}.db`);
    {
      await using bus = await openEmbeddedBus({ source: "demo", path });
      for (let round = 0; round < 100; round++) await bus.publish(numbered("a".repeat(3_000), 3));
    }
    damage(path);
    await assert.rejects(async () => {
      await using bus = await openEmbeddedBus({ source: "demo", path });
      await readAll(bus, 0, 0n, 300n);
    }, (error) => {
      assert.ok(error instanceof BusError, `damage ${index}: ${error}`);
      return /malformed|missing|damaged/.test(error.message);
    }, `damage ${index}`);
  }
});

Deno.test("a log in a file keeps its number of partitions, and says so when another is wished", async () => {
  await using folder = await TemporaryFolder.make();
  const path = join(folder.path, "log.db");
  await (await openEmbeddedBus({ source: "demo", path, partitions: 3 }))[Symbol.asyncDispose]();
  await assert.rejects(openEmbeddedBus({ source: "demo", path, partitions: 2 }), /made with 3/);
  await using bus = await openEmbeddedBus({ source: "demo", path });
  assert.equal((await bus.bounds()).partitions.size, 3);
});

Deno.test("a file in a folder that cannot be made is refused with its path", async () => {
  await using folder = await TemporaryFolder.make();
  const path = join(folder.path, "file", "log.db");
  Deno.writeTextFileSync(join(folder.path, "file"), "");
  await assert.rejects(openEmbeddedBus({ source: "demo", path }), (error) => {
    assert.ok(error instanceof BusError);
    return error.message.includes(JSON.stringify(path));
  });
});

function execute(path: string, sql: string): void {
  using database = new DatabaseSync(path);
  database.exec(sql);
}

function overwriteMiddle(path: string): void {
  using file = Deno.openSync(path, { write: true });
  file.seekSync(8_192, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array(16_384).fill(0xa5));
}
