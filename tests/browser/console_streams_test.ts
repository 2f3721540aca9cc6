/// <reference lib="dom" />
/** The console's figures and lists, with real streams: one that reads, one that ends, one that is too slow. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { NodeSample } from "../../src/admin/node_samples.ts";
import { AdminGateway } from "../e2e/admin_gateway.ts";
import { login, openConsole, until } from "./opened_console.ts";

/** Texts of the rows of a table of the connections, each by its columns' heads. */
async function rowsOf(page: Page, title: string): Promise<Record<string, string>[]> {
  const table = page.getByRole("region", { name: title, exact: true }).getByRole("table");
  const heads = await table.locator("thead th").allInnerTexts();
  const rows = await table.locator("tbody tr:has(th)").all();
  const texts = await Promise.all(rows.map((row) => row.locator("th, td").allInnerTexts()));
  return texts.map((cells) => Object.fromEntries(cells.map((cell, index) => [heads[index], cell])));
}

interface DrawnTile {
  readonly value: string;
  readonly peak: string;
  readonly isTrouble: boolean;
  /** Points of the chart's line, from the oldest on: to the right, and down from its top. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** What the line takes up on the screen. */
  readonly heightPx: number;
}

/** A figure of the live view as it is drawn, all of it at one moment. */
async function tile(page: Page, title: string): Promise<DrawnTile> {
  return await page.locator(".tile").filter({ hasText: title }).evaluate((element) => {
    const line = element.querySelector(".chart-line");
    const path = line?.getAttribute("d") ?? "";
    return {
      value: element.querySelector(".value")?.textContent ?? "",
      peak: element.querySelector(".peak")?.textContent ?? "",
      isTrouble: element.classList.contains("trouble"),
      points: [...path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const),
      heightPx: line?.getBoundingClientRect().height ?? 0,
    };
  });
}

async function publish(node: AdminGateway, count: number, data: unknown, priority = "normal"): Promise<void> {
  const event = { event: "task.progress-updated", scope: "user:alice", priority, data };
  const response = await node.running.publish(await node.running.tokenFor("alice"), Array(count).fill(event));
  assert.equal(response.status, 201, await response.text());
}

Deno.test("console, connections: a stream is listed with whose it is, what it reads and what it had, until it ends", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await AdminGateway.start());
  const { page, complaints, photograph } = await openConsole(stack, node.url);
  await login(page);
  await page.getByRole("link", { name: "Connections" }).click();
  await page.getByText("0 open on this node").waitFor();
  assert.deepEqual(await rowsOf(page, "Open streams"), []);

  const token = await node.running.tokenFor("alice", ["novel:7"]);
  const stream = await node.running.stream(token, "?scope=user:alice&scope=novel:7&event=task.*");
  await using _other = await node.running.stream(await node.running.tokenFor("bob"));
  await publish(node, 3, { progress: 1 });
  await page.getByText("2 open on this node").waitFor();
  const open = async (subject: string) =>
    (await rowsOf(page, "Open streams")).find(({ Subject }) => Subject === subject);
  await until("alice has had three events", async () => (await open("alice"))?.["Events had"] === "3");
  const { Scopes, Events, Queued, Shed, "Last event": last } = await open("alice") ?? {};
  assert.deepEqual({ Scopes, Events, Queued, Shed, last }, {
    Scopes: "user:alice, novel:7",
    Events: "task.*",
    Queued: "0",
    Shed: "0",
    last: "events:0:2",
  });
  assert.equal((await open("bob"))?.["Events had"], "0");
  assert.deepEqual(await rowsOf(page, "Ended lately"), []);
  await photograph("connections");

  await stream[Symbol.asyncDispose]();
  await page.getByText("1 open on this node").waitFor();
  assert.equal(await open("alice"), undefined);
  const [ended, ...others] = await rowsOf(page, "Ended lately");
  assert.deepEqual([ended?.["Subject"], ended?.["Reason"], ended?.["Events had"], others], [
    "alice",
    "client-gone",
    "3",
    [],
  ]);
  assert.deepEqual(complaints, []);
});

Deno.test("console, connections: a filter that is typed on a later page shows who is on the first", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await AdminGateway.start());
  // A page has 50.
  for (const subject of ["bob", ...Array(50).keys().map((n) => `reader-${n}`)]) {
    stack.use(await node.running.stream(await node.running.tokenFor(subject)));
  }
  const { page, complaints } = await openConsole(stack, node.url);
  await login(page);
  await page.getByRole("link", { name: "Connections" }).click();
  await page.getByText("51 open on this node").waitFor();
  const subjects = async () => (await rowsOf(page, "Open streams")).map(({ Subject }) => Subject);
  await page.getByRole("button", { name: "Next page" }).click();
  await until("the second page is shown", async () => `${await subjects()}` === "reader-49");

  const bar = page.getByRole("region", { name: "Open streams" });
  await bar.getByRole("textbox", { name: "Subject" }).pressSequentially("bob");
  await until("bob's stream is shown", async () => `${await subjects()}` === "bob");
  assert.deepEqual(complaints, []);
});

Deno.test("console, live: charts draw the node's own samples, to the scale that stands beside them", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await AdminGateway.start());
  await using _stream = await node.running.stream(await node.running.tokenFor("alice"));
  const { page, complaints, photograph } = await openConsole(stack, node.url);
  await login(page);
  await until("a line of two samples is there", async () => (await tile(page, "Deliveries")).points.length >= 2);
  const before = await tile(page, "Deliveries");
  assert.deepEqual([before.value, before.peak, Math.max(before.heightPx, 2)], ["0/s", "", 2]);

  await publish(node, 80, { progress: 1 });
  await until("what was delivered has been", async () => (await tile(page, "Deliveries")).peak !== "");
  await until("it is quiet again", async () => (await tile(page, "Deliveries")).value === "0/s");
  const { points, peak, heightPx } = await tile(page, "Deliveries");
  const { samples } = await node.json("GET", "/admin/v1/stats") as { readonly samples: readonly NodeSample[] };
  const rates = samples.slice(0, points.length).map(({ rates }) => rates.deliveries);
  const highest = Math.max(...rates);
  assert.ok(highest > 25 && highest < 120, `${highest} a second is what 80 at once are, in one second or in two`);
  assert.equal(peak, `peak ${Math.round(highest)}`);
  const bottom = Math.max(...points.map(([, y]) => y));
  const top = Math.min(...points.map(([, y]) => y));
  assert.deepEqual(
    points.map(([, y]) => Math.round((bottom - y) / (bottom - top) * 100)),
    rates.map((rate) => Math.round(rate / highest * 100)),
  );
  assert.equal(points.at(-1)?.[0], 240, "the present is at the right edge");
  assert.ok(heightPx > 38, `the peak is near the top of the chart's 45 px; it rises by ${heightPx} px`);
  assert.equal((await tile(page, "Open streams")).value, "1");
  // More than anybody reads in a quarter of a second: the list says how many it lacks.
  const [, shown, omitted] = /(\d+) shown, (\d+) more left out/.exec(await page.locator(".tail-card").innerText()) ??
    [];
  assert.equal(Number(shown) + Number(omitted), 80);
  await photograph("live");
  assert.deepEqual(complaints, []);
});

Deno.test("console: a reader that is too slow is seen: what it waits for, what was shed for it, and why it was closed", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(
    await AdminGateway.start({
      streams: { maxFrameBytes: "64KiB", sendQueue: { maxFrames: 16, maxBytes: "64KiB" }, writeStall: "1m" },
    }),
  );
  const { page, complaints, photograph } = await openConsole(stack, node.url);
  await login(page);
  using _reader = await readOnlyTheBeginning(node);
  const filling = { text: "x".repeat(30_000) };
  const slow = async () => (await node.json("GET", "/admin/v1/connections")).connections[0];
  // The kernel takes some megabytes before the gateway has to keep anything, and the figure is of one second.
  while (!(await tile(page, "Shed for slow readers")).isTrouble) await publish(node, 10, filling, "low");
  await photograph("shedding");
  assert.match((await tile(page, "Shed for slow readers")).peak, /^peak \d/);

  await page.getByRole("link", { name: "Connections" }).click();
  await until("what it waits for", async () => (await rowsOf(page, "Open streams")).length === 1);
  const [row] = await rowsOf(page, "Open streams");
  const { shedFrames, queuedFrames } = await slow();
  assert.deepEqual([row?.["Shed"], row?.["Queued"]?.split(" ")[0]], [`${shedFrames}`, `${queuedFrames}`]);
  assert.match(row?.["Queued"] ?? "", /^\d+ \(\d[\d.]* KB\)$/);
  await photograph("slow");

  await publish(node, 10, filling);
  await page.getByText("0 open on this node").waitFor();
  assert.deepEqual(await rowsOf(page, "Open streams"), []);
  assert.equal((await rowsOf(page, "Ended lately"))[0]?.["Reason"], "slow-consumer");
  assert.deepEqual(complaints, []);
});

/** A stream of alice's whose reader takes the answer's head and nothing further, for as long as it is kept. */
async function readOnlyTheBeginning(node: AdminGateway): Promise<Deno.TcpConn> {
  const { hostname, port, pathname } = new URL(`${node.running.url}/api/v1/events/stream`);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const token = await node.running.tokenFor("alice");
  const head = [`GET ${pathname} HTTP/1.1`, `Host: ${hostname}:${port}`, `Authorization: Bearer ${token}`];
  await connection.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`));
  const answer = new Uint8Array(12);
  await connection.read(answer);
  assert.equal(new TextDecoder().decode(answer), "HTTP/1.1 200");
  return connection;
}
