import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Its routes for operators are on its one port as well. */
const ON_FREE_PORTS = ["--port", "0", "--set", "server.adminPort=0"];
const START_TIMEOUT_MS = 60_000;
/** What it prints for a newcomer comes in one piece, and this line is always in it. */
const WELCOME = /curl -N .*\n/;

/** `deno task dev` as a newcomer starts it, in an empty folder and on a free port. */
export interface DevelopmentGateway extends AsyncDisposable {
  /** What it printed at its start. */
  readonly welcome: string;
  readonly url: string;
}

/** Starts it and resolves when it has printed its welcome. */
export async function startDevelopmentGateway(...flags: readonly string[]): Promise<DevelopmentGateway> {
  await using stack = new AsyncDisposableStack();
  // A tidegate.yaml that somebody tries out in their clone is no part of the test.
  const folder = await Deno.makeTempDir({ prefix: "tidegate-development-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  // The very command of the task, without the task runner, through which no signal would come.
  const [, ...command] = config.tasks.dev.command.split(" ");
  const args = command.map((word) => word === "main.ts" ? `${ROOT}main.ts` : word);
  const child = new Deno.Command("env", {
    // The tests' own seed is no setting of a gateway, which refuses what it does not know.
    args: ["-u", "TIDEGATE_SEED", Deno.execPath(), ...args, ...ON_FREE_PORTS, ...flags],
    cwd: folder,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = new Output(child.stdout);
  stack.defer(async () => {
    if (!output.isOver) child.kill("SIGTERM");
    await output.ended;
    await child.status;
  });
  const timeout = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  const welcome = await output.until(WELCOME).finally(() => clearTimeout(timeout));
  const [, url = ""] = /(http:\/\/\S+)\/console#/.exec(welcome) ?? [];
  const moved = stack.move();
  return { welcome, url, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

class Output {
  readonly ended: Promise<void>;
  isOver = false;
  #text = "";
  #wake = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.ended = this.#read(stream);
  }

  /** All that was printed, once the pattern is in it. */
  async until(pattern: RegExp): Promise<string> {
    for (; !pattern.test(this.#text); await this.#wake.promise) {
      assert.ok(!this.isOver, `It never says ${pattern}:\n${this.#text}`);
    }
    return this.#text;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      this.#text += piece;
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    }
    this.isOver = true;
    this.#wake.resolve();
  }
}
