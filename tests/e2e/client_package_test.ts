import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildClient } from "../client/build_client.ts";
import { RunningGateway } from "./running_gateway.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A program of somebody who installed the package, under the strictest settings. */
const CONSUMER = `
import { type EventMap, SSEClient, type SSEEvent, type Transport } from "@tidegate/client";
import { withPolling } from "@tidegate/client/poll";
import { shareStream } from "@tidegate/client/share";
import { streamTransport } from "@tidegate/client";

const stream: Transport = streamTransport();
const client = new SSEClient({
  url: process.env["GATEWAY"] ?? "",
  storage: "memory",
  getToken: async ({ reason, attempt }) => \`\${process.env["TOKEN"]}\${reason === "connect" && attempt > 1 ? "" : ""}\`,
  transport: shareStream(withPolling(stream), { subject: "alice" }),
});
client.on("task.progress-updated", ({ data, id, scope }) => {
  const progress: number = data.progress;
  console.log(JSON.stringify({ progress, scope, hasId: id.length > 0 }));
  client.close();
});
// @ts-expect-error: no such event
client.on("task.progress-updatet", () => {});
// @ts-expect-error: no such field
client.on("task.progress-updated", ({ data }: SSEEvent<EventMap["task.progress-updated"]>) => data.taskId.nothing);
client.onControl(({ name }) => name === "stream.opened" && console.log("open"));
client.open();
`;

const SETTINGS = {
  compilerOptions: {
    target: "ES2022",
    module: "NodeNext",
    moduleResolution: "NodeNext",
    lib: ["ES2023", "DOM", "DOM.AsyncIterable", "ESNext.Disposable"],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    // The package's own types are checked too.
    skipLibCheck: false,
  },
  files: ["globals.d.ts", "consumer.ts"],
};

Deno.test("the npm package: type-checks in a strict project, and reads a gateway's events in Node", async () => {
  await using built = await buildClient();
  const { folder } = built;
  const project = join(folder, "project");
  const installed = join(project, "node_modules", "@tidegate");
  await Deno.mkdir(installed, { recursive: true });
  await Deno.symlink(folder, join(installed, "client"));
  const files = {
    "package.json": JSON.stringify({ type: "module" }),
    "tsconfig.json": JSON.stringify(SETTINGS),
    "globals.d.ts": "declare const process: { env: Record<string, string | undefined> };",
    "consumer.ts": CONSUMER,
  };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(project, name), text);
  const tsc = await new Deno.Command(Deno.execPath(), {
    // The compiler is a tool's, and stays out of the project's own lock file and executable.
    args: ["run", "-A", "--config=tools/bundler.json", "npm:typescript@5.9.3/tsc", "-p", project],
    cwd: ROOT,
  }).output();
  assert.equal(tsc.code, 0, new TextDecoder().decode(tsc.stdout) + new TextDecoder().decode(tsc.stderr));

  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  const node = new Deno.Command("node", {
    args: [join(project, "consumer.js")],
    env: { GATEWAY: running.url, TOKEN: token },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(node.stderr).text();
  const lines: string[] = [];
  for await (const text of node.stdout.pipeThrough(new TextDecoderStream())) {
    lines.push(...text.split("\n").filter((line) => line !== ""));
    if (lines.length > 1) continue;
    const event = { event: "task.progress-updated", scope: "user:alice", data: { taskId: "t1", progress: 40 } };
    await running.publish(token, event).then((response) => response.body?.cancel());
  }
  assert.equal(await errors, "");
  assert.deepEqual(lines, ["open", '{"progress":40,"scope":"user:alice","hasId":true}']);
  assert.equal((await node.status).code, 0, "it ends by itself when its client is closed");
});
