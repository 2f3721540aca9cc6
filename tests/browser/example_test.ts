/// <reference lib="dom" />
/** The sample application as its README starts it, in a browser. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startChromium } from "../support/chromium.ts";
import { freePort } from "../support/free_port.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Example {
  readonly url: string;
  /** What stands before the gateway. */
  readonly proxy: TcpProxy;
  /** The process of each gateway that was started. */
  gatewayPids(): readonly number[];
}

/** The sample's server with its gateway, on free ports. */
async function startExample(stack: AsyncDisposableStack): Promise<Example> {
  const gatewayPort = freePort();
  const proxy = stack.use(new TcpProxy(gatewayPort));
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "docs/examples/react/server.ts"],
    cwd: ROOT,
    env: {
      PAGE_PORT: String(freePort()),
      GATEWAY_PORT: String(gatewayPort),
      TIDEGATE_SERVER_ADMIN_PORT: String(freePort()),
      GATEWAY_URL: `http://127.0.0.1:${proxy.port}`,
    },
    stdout: "piped",
  }).spawn();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const reading = (async () => {
    for await (const part of server.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      const url = /The page is at (\S+)/.exec(text)?.[1];
      if (url !== undefined) resolve(url);
    }
    reject(new Error(`Cannot start the sample application:\n${text}`));
  })();
  stack.defer(async () => {
    server.kill("SIGTERM");
    await Promise.all([server.status, reading]);
  });
  const gatewayPids = () => [...text.matchAll(/The gateway is process (\d+)/g)].map(([, pid]) => Number(pid));
  return { url: await promise, proxy, gatewayPids };
}

Deno.test("the sample application: tasks advance, chapters appear, toasts come; cut off it says so, and catches up", async () => {
  await using stack = new AsyncDisposableStack();
  const { url, proxy } = await startExample(stack);
  const browser = await startChromium();
  stack.defer(() => browser.close());
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  let reads = 0;
  page.on("request", (request) => request.url().includes("/api/tasks") && request.method() === "GET" && reads++);
  await page.goto(url);
  await page.getByTestId("status").getByText("Live", { exact: true }).waitFor();

  // The first task runs since the start. Everything from here on comes by events.
  const progress = page.getByTestId("task-t1").getByRole("progressbar");
  await progress.waitFor();
  await page.waitForFunction(() => (document.querySelector<HTMLProgressElement>("#progress-t1")?.value ?? 0) > 50);
  assert.equal(reads, 2, "at first and when the stream was open; no request was made to see it advance");
  await page.getByTestId("toasts").getByText("Chapter 1: Loomings is written").waitFor();
  await page.getByTestId("chapters").getByText("Chapter 1: Loomings").waitFor();
  await page.getByTestId("task-t1").getByText("done").waitFor();

  await page.getByTestId("start").click();
  await page.getByTestId("task-t2").waitFor();
  proxy.isRefusing = true;
  proxy.cut();
  await page.getByTestId("status").getByText("No connection. What you see may be old.").waitFor();
  proxy.isRefusing = false;
  await page.getByTestId("status").getByText("Live", { exact: true }).waitFor();
  // What happened meanwhile is there, a toast for it too: it was an event, and no event is lost.
  await page.getByTestId("task-t2").getByText("done").waitFor();
  await page.getByTestId("chapters").getByText("Chapter 2: The Carpet-Bag").waitFor();
  await page.getByTestId("toasts").getByText("Chapter 2: The Carpet-Bag is written").waitFor();
  assert.deepEqual(errors, []);
});

Deno.test("the sample application: without its gateway it says so; the gateway is started again, and it catches up", async () => {
  await using stack = new AsyncDisposableStack();
  const { url, gatewayPids } = await startExample(stack);
  const browser = await startChromium();
  stack.defer(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  const status = page.getByTestId("status");
  await status.getByText("Live", { exact: true }).waitFor();
  await page.getByTestId("start").click();
  await page.getByTestId("task-t2").waitFor();
  Deno.kill(gatewayPids()[0] ?? 0, "SIGKILL");
  await status.getByText("No connection. What you see may be old.").waitFor();
  await status.getByText(/^Live/).waitFor({ timeout: 60_000 });
  assert.equal(gatewayPids().length, 2);
  await page.getByTestId("task-t2").getByText("done").waitFor();
  await page.getByTestId("chapters").getByText("Chapter 2: The Carpet-Bag").waitFor();
});

Deno.test("the sample application: what is on the page has a role and a name, and works by keyboard alone", async () => {
  await using stack = new AsyncDisposableStack();
  const { url } = await startExample(stack);
  const browser = await startChromium();
  stack.defer(() => browser.close());
  const page = await browser.newPage();
  await page.goto(url);
  await page.getByRole("heading", { level: 1, name: "Writing desk" }).waitFor();
  await page.getByRole("status").getByText("Live", { exact: true }).waitFor();
  await page.getByRole("region", { name: "Tasks" }).getByRole("progressbar", { name: "Chapter 1: Loomings" }).waitFor();
  await page.getByRole("region", { name: "Chapters" }).waitFor();

  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      const { outlineStyle } = getComputedStyle(element ?? document.body);
      return { name: element?.getAttribute("aria-label") ?? element?.textContent, isSeen: outlineStyle !== "none" };
    });
  await page.keyboard.press("Tab");
  assert.deepEqual(await focused(), { name: "Write the next chapter", isSeen: true });
  await page.keyboard.press("Enter");
  await page.getByTestId("task-t2").waitFor();
  assert.deepEqual(await focused(), { name: "Write the next chapter", isSeen: true }, "it keeps the focus");

  const first = page.getByRole("log", { name: "Notifications" }).getByText("Chapter 1: Loomings is written");
  const second = page.getByRole("log").getByText("Chapter 2: The Carpet-Bag is written");
  await first.waitFor();
  await page.keyboard.press("Tab");
  assert.deepEqual(await focused(), { name: "Dismiss: Chapter 1: Loomings is written", isSeen: true });
  // A later one comes and goes by itself; this one stays as long as it has the focus.
  await second.waitFor();
  await second.waitFor({ state: "detached" });
  assert.equal(await first.isVisible(), true);
  await page.keyboard.press("Enter");
  await first.waitFor({ state: "detached" });
  assert.equal((await focused()).name, "Notifications", "the focus is not lost with the button");
  await page.keyboard.press("Shift+Tab");
  assert.deepEqual(await focused(), { name: "Write the next chapter", isSeen: true });
});
