import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
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

/** A component of theirs, rendered on a server: hooks, rules for TanStack Query, and what the types refuse. */
const PAGE = `
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { type EventMap, SSEClient, type SSEEvent, type SSESnapshot } from "@tidegate/client";
import { type QueryRules, useFallbackInterval, useSyncedQueries } from "@tidegate/client/query";
import { SSEProvider, useSSE, useSSEClient, useSSEEvent, useSSEStatus } from "@tidegate/client/react";
import { version } from "react";
import { renderToString } from "react-dom/server";

interface Task {
  readonly progress: number;
}

const RULES: QueryRules = {
  "task.progress-updated": ({ data }) => ({
    patch: ["task", data.taskId],
    update: (task: Task): Task => ({ ...task, progress: data.progress }),
    isNewer: (task: Task) => data.progress > task.progress,
  }),
  // @ts-expect-error: no such event
  "task.progress-updatet": () => ({ invalidate: [] }),
};

function Progress() {
  const { status, isLost }: SSESnapshot = useSSEStatus();
  const progress: number = useSSE("task.progress-updated", { select: ({ data }) => data.progress, initial: 7 });
  // @ts-expect-error: there may be none
  const title: string = useSSE("system.notification-sent", { select: ({ data }) => data.title });
  useSSEEvent("task.status-changed", (event: SSEEvent<EventMap["task.status-changed"]>) => void event.data.previousStatus);
  useSyncedQueries(RULES, { windowMs: 100, touched: (gap) => gap.lost === 0 ? [] : [["task"]] });
  const refetchInterval = useFallbackInterval(3_000);
  const { data } = useQuery({ queryKey: ["task", "t1"], queryFn: () => ({ progress: 9 }), refetchInterval, initialData: { progress: 8 } });
  const client: SSEClient = useSSEClient();
  return <p>{[status, isLost, progress, title, data.progress, refetchInterval, client.getSnapshot().attempt].join(" ")}</p>;
}

const client = new SSEClient({ url: "http://127.0.0.1:9", storage: "memory" });
console.log(version, renderToString(
  <QueryClientProvider client={new QueryClient()}>
    <SSEProvider client={client}>
      <Progress />
    </SSEProvider>
  </QueryClientProvider>,
));
`;

const SETTINGS = {
  compilerOptions: {
    target: "ES2022",
    module: "NodeNext",
    moduleResolution: "NodeNext",
    lib: ["ES2023", "DOM", "DOM.AsyncIterable", "DOM.Iterable", "ESNext.Disposable"],
    types: [],
    jsx: "react-jsx",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    // The package's own types are checked too.
    skipLibCheck: false,
  },
  files: ["globals.d.ts", "consumer.ts", "page.tsx"],
};

const [REACT = "", TYPES = "", DOM_TYPES = "", QUERY = ""] = [
  config.imports.react,
  config.imports["@types/react"],
  config.imports["@types/react-dom"],
  config.imports["@tanstack/react-query"],
].map((target) => target.slice(target.lastIndexOf("@") + 1));

/** What an application of that React has beside the package. */
const APPLICATIONS = {
  [`React ${REACT}`]: { react: REACT, "react-dom": REACT, "@types/react": TYPES, "@types/react-dom": DOM_TYPES },
  "React 18.3.1": { react: "18.3.1", "react-dom": "18.3.1", "@types/react": "18.3.31", "@types/react-dom": "18.3.7" },
};

/** The package and these beside it, in a project with the programs above, type-checked and made into JavaScript. */
async function buildProject(packed: string, dependencies: Readonly<Record<string, string>>) {
  const project = await Deno.makeTempDir({ prefix: "tidegate-project-" });
  const files = {
    "package.json": JSON.stringify({ type: "module", dependencies }),
    "tsconfig.json": JSON.stringify(SETTINGS),
    "globals.d.ts": "declare const process: { env: Record<string, string | undefined> };",
    "consumer.ts": CONSUMER,
    "page.tsx": PAGE,
  };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(project, name), text);
  await run(project, "install");
  const installed = join(project, "node_modules", "@tidegate", "client");
  await Deno.mkdir(installed, { recursive: true });
  // A copy, as an installation is: behind a link the package would look for React beside its sources.
  for await (const { name } of Deno.readDir(packed)) await Deno.copyFile(join(packed, name), join(installed, name));
  // The compiler is a tool's, and stays out of the project's own lock file and executable.
  await run(ROOT, "run", "-A", "--config=tools/bundler.json", "npm:typescript@5.9.3/tsc", "-p", project);
  return { project, [Symbol.asyncDispose]: () => Deno.remove(project, { recursive: true }) };
}

async function run(cwd: string, ...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd }).output();
  assert.equal(code, 0, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
}

for (const [name, dependencies] of Object.entries(APPLICATIONS)) {
  Deno.test(`the npm package beside ${name}: type-checks in a strict project, renders and reads events in Node`, async () => {
    await using built = await buildClient();
    await using made = await buildProject(built.folder, { ...dependencies, "@tanstack/react-query": QUERY });
    const { code, stdout, stderr } = await new Deno.Command("node", { args: [join(made.project, "page.js")] }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assert.deepEqual([code, decode(stderr), decode(stdout)], [
      0,
      "",
      `${dependencies.react} <p>idle false 7  8 false 0</p>\n`,
    ]);
    await readsEvents(join(made.project, "consumer.js"));
  });
}

async function readsEvents(program: string): Promise<void> {
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  const node = new Deno.Command("node", {
    args: [program],
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
}
