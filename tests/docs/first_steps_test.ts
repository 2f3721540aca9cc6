/**
 * A newcomer's first steps: every block of shell of the README, the first five minutes and the guides to subscribing, and
 * every command that the development gateway prints, is pasted in order, and what the page shows comes out.
 */
import assert from "node:assert/strict";
import { type DevelopmentGateway, startDevelopmentGateway } from "../support/development_gateway.ts";
import { codeBlocks } from "./code_block.ts";
import { like } from "./like.ts";
import { Terminal } from "./terminal.ts";

/** As the documents start it, but for the time that a reader has and a test has not. */
const FAST = ["--set", "dev.demoInterval=200ms"];
/** The line at which a stream has shown enough: the demo works. */
const PROGRESS = '"progress":';

Deno.test("the first five minutes, pasted in order, show what the page says", async () => {
  await using terminal = await Terminal.open();
  const page = await Page.open("docs/guide/first-five-minutes.md");
  assert.match(page.next("sh"), /deno@\S+ task dev /);
  const gateway = await startDevelopmentGateway(...FAST);
  await using stack = new AsyncDisposableStack();
  stack.use(gateway);
  assert.match(gateway.welcome, like(page.next("text")));
  const [watch = "", publish = ""] = printedCommands(gateway.welcome);

  // Nobody is so fast that the log is still empty.
  await terminal.paste(watch, PROGRESS);
  const watched = await terminal.paste(watch, PROGRESS);
  for (const message of page.next("sse").trim().split("\n\n")) assert.match(watched, like(message));
  const lastId = watched.match(/(?<=^id: )\S+$/gm)?.at(-1) ?? "";

  await terminal.paste(publish.replace("user:demo", "user:other"));
  assert.match(await terminal.paste(publish), like(page.next("json")));

  const resume = page.next("sh").replace(/(Last-Event-ID: )[^']+/, `$1${lastId}`);
  const resumed = await terminal.paste(at(gateway, resume), "^event: stream.caught-up");
  assert.match(resumed, /"resumed":true[^]*"taskId":"mine"[^]*stream\.caught-up/);
  assert.doesNotMatch(resumed, /user:other/);

  await stack.disposeAsync();
  await using restarted = await startDevelopmentGateway(...FAST);
  const [token = ""] = /TOKEN=\S+/.exec(restarted.welcome) ?? [];
  const told = await terminal.paste(`${token}\n${at(restarted, resume)}`, "^event: stream.gap-detected");
  assert.match(told, /^event: stream\.gap-detected$/m);
  page.end();
});

Deno.test("the README, pasted in order, shows what it says", async () => {
  await using terminal = await Terminal.open();
  await using gateway = await startDevelopmentGateway(...FAST);
  const page = await Page.open("README.md");
  assert.match(page.next("sh"), /deno@\S+ task dev /);
  assert.match(gateway.welcome, like(page.next("text")));
  const [watch = ""] = printedCommands(gateway.welcome);
  // Nobody is so fast that the log is still empty.
  await terminal.paste(watch, PROGRESS);
  const watched = await terminal.paste(watch, PROGRESS);
  for (const message of page.next("sse").trim().split("\n\n")) assert.match(watched, like(message));

  await Deno.writeTextFile(`${terminal.folder}/tidegate.yaml`, page.next("yaml"));
  const mapped = await terminal.paste(page.next("sh"));
  assert.match(mapped, /^The configuration is right\.$/m);
  assert.match(mapped, like(page.next("text")));
  assert.match(await terminal.paste(page.next("sh")), /^42 of https:\/\/id\.example\.com; reads .*user:42.*\neyJ/m);

  const followed = await terminal.paste(at(gateway, page.next("sh")), PROGRESS);
  assert.match(followed, /^event: task\.progress-updated$/m);
  const published = await terminal.paste(at(gateway, page.next("sh")));
  assert.match(published, like(page.next("json")));
  page.end();
});

Deno.test("what the guides show of streams in a terminal, pasted in order, comes from the development gateway", async () => {
  await using terminal = await Terminal.open();
  await using gateway = await startDevelopmentGateway(...FAST);
  const [token = ""] = /TOKEN=\S+/.exec(gateway.welcome) ?? [];
  // Where it listens by its own default, the commands need no address.
  await terminal.paste(`${token}\nexport TIDEGATE_SERVER_PORT=${new URL(gateway.url).port}`);

  const subscribing = await Page.open("docs/guide/subscribing.md");
  const streamed = await terminal.paste(at(gateway, subscribing.next("sh")), PROGRESS);
  assert.match(streamed, /^data: .*"scopes":\["user:demo"\],"events":\["task\.\*"\]/m);
  assert.match(streamed, /^event: task\.progress-updated$/m);
  const tailed = await terminal.paste(at(gateway, subscribing.next("sh")), PROGRESS);
  assert.match(tailed, /^[\d:]{8} +task\.progress-updated +user:demo +events:0:\d+ +\{.*"progress":\d+/m);
  assert.match(tailed, /^\{"id":"events:0:[^"]+","event":"task\.progress-updated","data":\{"version":1,.*\}$/m);
  subscribing.end();

  const replacing = await Page.open("docs/guide/replacing-polling.md");
  const shown = await terminal.paste(at(gateway, replacing.next("sh")), PROGRESS);
  assert.match(shown, /^data: .*"scopes":\["user:demo"\]/m);
  assert.match(shown, /^data: \{.*"scope":"user:demo".*"progress":\d+/m);
  replacing.end();
});

Deno.test("like looks past what differs from run to run, and at nothing else", () => {
  const shown = like(`id: a:0:58~BvIR\ndata: {"id":"a3-…","scopes":["global"],…}`);
  assert.match(`id: a:0:7~XyZ\ndata: {"id":"b9-12","scopes":["global"],"more":1}`, shown);
  assert.doesNotMatch(`id: a:0:7~XyZ\ndata: {"id":"b9-12","scopes":["user"],"more":1}`, shown);
});

/** What the gateway printed to be pasted: to watch, and to publish. */
function printedCommands(welcome: string): string[] {
  return welcome.split("\n\n").filter((paragraph) => /^ +TOKEN=/.test(paragraph));
}

/** The commands for a gateway that has another port than the documents say. */
function at({ url }: DevelopmentGateway, commands: string): string {
  return commands.replaceAll("http://127.0.0.1:8080", url);
}

/** A document's blocks, read from the top; none of shell is passed over. */
class Page {
  readonly #blocks: ReturnType<typeof codeBlocks>;

  private constructor(blocks: ReturnType<typeof codeBlocks>) {
    this.#blocks = blocks;
  }

  static async open(path: string): Promise<Page> {
    return new Page(codeBlocks({ path, text: await Deno.readTextFile(new URL(`../../${path}`, import.meta.url)) }));
  }

  next(language: string): string {
    for (let block = this.#blocks.shift(); block !== undefined; block = this.#blocks.shift()) {
      if (block.language === language) return block.text;
      assert.notEqual(block.language, "sh", `${block.path}:${block.line} is never pasted`);
    }
    throw new Error(`No further block of ${language}`);
  }

  end(): void {
    assert.deepEqual(this.#blocks.filter(({ language }) => language === "sh"), []);
  }
}
