import assert from "node:assert/strict";
import { join } from "node:path";
import { openEmbeddedBus } from "../../src/bus/embedded/open_embedded_bus.ts";
import type { BusRecord } from "../../src/model/bus_record.ts";
import { createDeadLetter, encodeDeadLetter } from "../../src/pipeline/dead_letter.ts";
import type { DeadLetterReason } from "../../src/pipeline/mapping_outcome.ts";
import { bytes, record } from "../pipeline/mapped.ts";
import { runCommandLine } from "./run_command_line.ts";

/** An outage of yesterday's rules: dead letters in a file, of a source in a file, both without a running gateway. */
class LettersFixture implements AsyncDisposable {
  readonly #folder: string;
  readonly letters: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.letters = join(folder, "letters.jsonl");
  }

  static async open(): Promise<LettersFixture> {
    const fixture = new LettersFixture(await Deno.makeTempDir());
    await Deno.writeTextFile(
      join(fixture.#folder, "tidegate.yaml"),
      `sources:
  tasks: {embedded: {path: ${join(fixture.#folder, "tasks.db")}}}
  memory: {embedded: {}}
mappings:
  deadLetter: {file: ${fixture.letters}}
  rules:
    - {name: done, source: [tasks, memory], when: {kind: done}, event: task.done, scope: "user:{user}"}
    - {name: quiet, source: tasks, when: {kind: quiet}, drop: true}
`,
    );
    return fixture;
  }

  async add(
    source: string,
    offset: bigint,
    reason: DeadLetterReason,
    from: BusRecord,
    maxBytes = 1_000,
  ): Promise<void> {
    const cause = { source, partition: 0, offsetFormat: "integer", reason, detail: "why\x1b[31m" } as const;
    const line = new TextDecoder().decode(encodeDeadLetter(createDeadLetter(cause, { ...from, offset }, maxBytes)));
    await Deno.writeTextFile(this.letters, `${line}\n`, { append: true });
  }

  run(...args: string[]) {
    return runCommandLine("deadletter", ...args, "--config", join(this.#folder, "tidegate.yaml"));
  }

  /** Keys, values and headers in the source. */
  async published(): Promise<readonly unknown[]> {
    await using bus = await openEmbeddedBus({
      source: "tasks",
      path: join(this.#folder, "tasks.db"),
      partitions: 1,
      retention: { maxRecords: 100, maxBytes: 1_000_000, maxAgeMs: 1_000_000_000 },
    });
    const found: unknown[] = [];
    const decoder = new TextDecoder();
    for await (
      const event of bus.readRange(
        0,
        0n,
        (await bus.bounds()).partitions.get(0)?.next ?? 0n,
        new AbortController().signal,
      )
    ) {
      if (event.kind !== "records") continue;
      for (const { key, value, headers } of event.records) {
        found.push([
          key === null ? null : decoder.decode(key),
          decoder.decode(value ?? undefined),
          Object.fromEntries([...headers].map(([name, text]) => [name, decoder.decode(text)])),
        ]);
      }
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const DONE = { kind: "done", user: "7" };

Deno.test("deadletter list shows each letter once, with filters, and steers no terminal", async () => {
  await using fixture = await LettersFixture.open();
  await fixture.add("tasks", 1n, "no-rule", record(DONE));
  await fixture.add("tasks", 1n, "no-rule", record(DONE));
  await fixture.add("tasks", 2n, "not-json", record("{"));
  await fixture.add("memory", 1n, "no-rule", record(DONE));
  await Deno.writeTextFile(fixture.letters, "something else\n", { append: true });
  const { code, out } = await fixture.run("list");
  assert.equal(code, 0);
  assert.deepEqual(out.split("\n"), [
    "2026-01-01T00:00:00.000Z  tasks:0:1  no-rule  26 bytes: why\\u{1b}[31m",
    "2026-01-01T00:00:00.000Z  tasks:0:2  not-json  1 bytes: why\\u{1b}[31m",
    "2026-01-01T00:00:00.000Z  memory:0:1  no-rule  26 bytes: why\\u{1b}[31m",
    "3 dead letters, 1 entries that are none",
    "",
  ]);
  assert.match((await fixture.run("list", "--limit", "1")).out, /^2026.*tasks:0:1.*\n1 dead letters, 2 more behind/);
  assert.match((await fixture.run("list", "--source", "memory")).out, /^2026.*memory:0:1.*\n1 dead letters/);
  const json = (await fixture.run("list", "--reason", "not-json", "--json")).out.trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.equal(json[0].value.text, "{");
  assert.deepEqual(json[0].retry, { kind: "waiting" });
  assert.deepEqual(json[1], { summary: { listed: 1, more: 0, unreadable: 1 } });
});

Deno.test("deadletter retry publishes each whole original once, says why of the others, and remembers", async () => {
  await using fixture = await LettersFixture.open();
  await fixture.add("tasks", 1n, "no-rule", record(DONE, { key: "k", headers: { trace: "é" } }));
  await fixture.add("tasks", 2n, "not-json", record("{"));
  await fixture.add("tasks", 3n, "no-rule", record({ ...DONE, text: "long" }), 10);
  await fixture.add("tasks", 4n, "no-rule", record({ kind: "quiet" }));
  await fixture.add("memory", 1n, "no-rule", record(DONE));
  await fixture.add("tasks", 5n, "no-rule", record(bytes("\uFEFF" + JSON.stringify(DONE))));
  const before = await Deno.readTextFile(fixture.letters);
  const dry = await fixture.run("retry", "--dry-run");
  assert.equal(dry.code, 1);
  assert.deepEqual(dry.out.split("\n").slice(0, 6), [
    "tasks:0:1  would be task.done for user:7",
    "tasks:0:2  not published: it would be a dead letter again, not-json: the value is not JSON",
    "tasks:0:3  cannot be retried: its value of 40 bytes was kept in part",
    "tasks:0:4  not published: the configuration drops it now, by rule:quiet",
    "memory:0:1  would be task.done for user:7",
    "tasks:0:5  would be task.done for user:7",
  ]);
  assert.equal(await Deno.readTextFile(fixture.letters), before, "a dry run notes nothing");
  const { code, out } = await fixture.run("retry");
  assert.equal(code, 1);
  assert.match(out, /tasks:0:1 {2}published as tasks:0:0\n/);
  assert.match(out, /memory:0:1 {2}not published: Cannot open the source memory: it is an embedded log in the memory/);
  assert.match(out, /tasks:0:5 {2}published as tasks:0:1\n/);
  const text = JSON.stringify(DONE);
  const published = [["k", text, { trace: "é" }], [null, text, {}]];
  assert.deepEqual(await fixture.published(), published);
  assert.match((await fixture.run("list")).out, /tasks:0:1 .*; published again as tasks:0:0\n/);
  await fixture.run("retry");
  assert.deepEqual(await fixture.published(), published, "not published a second time");
  const again = await fixture.run("retry", "--again", "--limit", "1");
  assert.equal(again.code, 0);
  assert.equal((await fixture.published()).length, 3);
});

Deno.test("deadletter retry leaves a letter alone whose retry was begun and never ended", async () => {
  await using fixture = await LettersFixture.open();
  await fixture.add("tasks", 1n, "no-rule", record(DONE));
  const retry = { letter: "tasks:0:1@2026-01-01T00:00:00.000Z", run: "r", step: "begun", at: "2026-01-01T00:00:00Z" };
  await Deno.writeTextFile(fixture.letters, `${JSON.stringify({ retry })}\n`, { append: true });
  assert.match((await fixture.run("list")).out, /its retry was begun, and whether it was published is not known/);
  assert.match((await fixture.run("retry")).out, /^0 dead letters/);
  assert.deepEqual(await fixture.published(), []);
  assert.match((await fixture.run("retry", "--again")).out, /^tasks:0:1 {2}published as tasks:0:0/);
});

Deno.test("deadletter called wrongly says how, and exits 2; 1 when there is nowhere to look", async () => {
  await using fixture = await LettersFixture.open();
  const calls: readonly (readonly [args: readonly string[], text: RegExp])[] = [
    [[], /it needs one of list, retry/],
    [["lst"], /"lst" is none of list, retry; did you mean list\?/],
    [["list", "x"], /"x" is one argument too many/],
    [["list", "--limit", "0"], /--limit "0" is no whole number from 1 to 1000/],
    [["list", "--reason", "no-rules"], /is no reason; did you mean no-rule\?/],
    [["list", "--again"], /are for retry/],
  ];
  for (const [args, text] of calls) {
    const { code, err } = await fixture.run(...args);
    assert.equal(code, 2);
    assert.match(err, text);
  }
  const { code, err } = await fixture.run("list", "--set", "mappings.deadLetter.file=");
  assert.equal(code, 1, err);
  const nowhere = await runCommandLine("deadletter", "list");
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /they are kept nowhere\. Set mappings\.deadLetter\.source or mappings\.deadLetter\.file/);
});
