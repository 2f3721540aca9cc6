import assert from "node:assert/strict";
import { join } from "node:path";
import { DeadLetterFile } from "../../src/gateway/dead_letter_file.ts";

const WRITER = new URL("append_dead_letters.ts", import.meta.url).pathname;

Deno.test("DeadLetterFile appends lines that it reads back, in folders that it makes, for its owner alone", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a", "b", "letters.jsonl");
  const file = new DeadLetterFile(path, 1_000);
  assert.deepEqual(await linesOf(file), [], "a file that is not there holds nothing");
  assert.equal(await file.append([entry("1"), entry("2")], false), 2);
  assert.equal(await file.append([entry("3")], false), 1);
  assert.deepEqual(await linesOf(file), ["1", "2", "3"]);
  assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
});

Deno.test("DeadLetterFile takes what fits below its limit, has room for notes beyond it, and begins anew when moved away", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "letters.jsonl");
  const file = new DeadLetterFile(path, 100);
  const letters = Array.from({ length: 5 }, (_, index) => entry(String(index).repeat(29)));
  assert.equal(await file.append(letters, false), 3, "30 bytes each with its newline");
  assert.equal(await file.append([entry("y".repeat(10))], false), 0);
  assert.equal(await file.append([entry("note")], true), 1);
  assert.equal(await file.append([entry("n".repeat(20))], true), 0);
  assert.deepEqual((await linesOf(file)).map(({ length }) => length), [29, 29, 29, 4]);
  await Deno.rename(path, `${path}.1`);
  assert.equal(await file.append(letters, false), 3);
  assert.equal((await linesOf(file)).length, 3);
});

Deno.test("DeadLetterFile never reads a torn line, and takes it away before it appends", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "letters.jsonl");
  const file = new DeadLetterFile(path, 1_000_000);
  for (const torn of ["torn", "t".repeat(200_000)]) {
    for (const before of ["", "whole\n"]) {
      await Deno.writeTextFile(path, before + torn);
      assert.deepEqual(await linesOf(file), before === "" ? [] : ["whole"]);
      await file.append([entry("next")], false);
      assert.equal(await Deno.readTextFile(path), `${before}next\n`);
    }
  }
});

Deno.test("DeadLetterFile: several writers share a file, and none of their lines is torn or lost", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "letters.jsonl");
  const texts = Array.from({ length: 60 }, (_, index) => `${index}`.padEnd(3_000, "."));
  const writers = Array.from({ length: 3 }, () => new DeadLetterFile(path, 1_000_000));
  await Promise.all(
    writers.map(async (writer, number) => {
      for (const text of texts.slice(number * 20, number * 20 + 20)) await writer.append([entry(text)], false);
    }),
  );
  assert.deepEqual((await linesOf(new DeadLetterFile(path, 1))).toSorted(), texts.toSorted());
});

Deno.test("DeadLetterFile: after kill -9 every confirmed line is there and whole, and the file takes more", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "letters.jsonl");
  const writer = new Deno.Command(Deno.execPath(), { args: ["run", "-A", WRITER, path], stdout: "piped" }).spawn();
  let confirmed = "";
  for await (const text of writer.stdout.pipeThrough(new TextDecoderStream())) {
    confirmed += text;
    if (confirmed.split("\n").length > 30) writer.kill("SIGKILL");
  }
  await writer.status;
  const last = Number(confirmed.split("\n").at(-2));
  const file = new DeadLetterFile(path, 1024 ** 3);
  const numbers = (await linesOf(file)).map((line) => JSON.parse(line).number);
  assert.deepEqual(numbers, numbers.map((_, index) => index));
  assert(numbers.length > last, `${last} was confirmed, ${numbers.length} are there`);
  await file.append([entry("next")], false);
  assert.equal((await linesOf(file)).at(-1), "next");
});

Deno.test("DeadLetterFile: a disk that takes no more is an error, and leaves whole lines alone", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "letters.jsonl");
  // The system's own limit on a file: a write stops in the middle of a line, as on a full disk.
  const script = `trap '' XFSZ; ulimit -f 20; exec "$@"`;
  const args = ["-c", script, "bash", Deno.execPath(), "run", "-A", "--cached-only", WRITER, path];
  const { stdout } = await new Deno.Command("bash", { args, env: { DENO_NO_UPDATE_CHECK: "1" } }).output();
  const printed = new TextDecoder().decode(stdout).trim().split("\n");
  assert.match(printed.at(-1) ?? "", /File too large/);
  const text = await Deno.readTextFile(path);
  assert(text.endsWith("\n"));
  assert.equal(text.split("\n").length - 1, printed.length - 1);
});

function entry(text: string): { identity: string; json: Uint8Array } {
  return { identity: "s:0:1", json: new TextEncoder().encode(text) };
}

async function linesOf(file: DeadLetterFile): Promise<string[]> {
  return await Array.fromAsync(file.read());
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
