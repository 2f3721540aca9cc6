/// <reference lib="dom" />
/** The console in a browser: what it shows, and that no text of an event, a client or an operator becomes markup. */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { ADMIN_TOKEN, AdminGateway } from "../e2e/admin_gateway.ts";
import { startChromium } from "../support/chromium.ts";

const HOSTILE = `"'><img src=x onerror="hacked=1"><script>hacked=1</script><a href="javascript:hacked=1">x</a>`;

interface OpenedConsole {
  readonly node: AdminGateway;
  readonly browser: Browser;
  readonly page: Page;
  /** Errors of the page, blocked loads among them. */
  readonly complaints: readonly string[];
}

/** A console as an operator opens it. */
async function openConsole(
  stack: AsyncDisposableStack,
): Promise<OpenedConsole> {
  const node = stack.use(await AdminGateway.start());
  const browser = await startChromium();
  stack.defer(() => browser.close());
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    // A refusal that the page shows to the operator is in the browser's log too.
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) complaints.push(message.text());
  });
  await page.goto(`${node.url}/console`);
  return { node, browser, page, complaints };
}

async function login(page: Page): Promise<void> {
  await page.getByLabel("Admin token").fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("heading", { name: "Events" }).waitFor();
}

async function publish(node: AdminGateway, data: unknown, scope = "user:alice"): Promise<void> {
  const token = await node.running.tokenFor("alice");
  const response = await node.running.publish(token, { event: "task.progress-updated", scope, data });
  assert.equal(response.status, 201, await response.text());
}

Deno.test("console: nothing is shown without the admin token, and the events as they come with it", async () => {
  await using stack = new AsyncDisposableStack();
  const { node, page, complaints } = await openConsole(stack);
  await page.getByLabel("Admin token").fill("not the admin token, though as long as it");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("The token is not this node's.").waitFor();
  await login(page);
  const lines = page.getByRole("list", { name: /^Events/ }).getByRole("listitem");
  await publish(node, { taskId: "t1", progress: 40 });
  await lines.filter({ hasText: '"progress":40' }).waitFor();

  await page.getByRole("button", { name: "Pause" }).click();
  await publish(node, { taskId: "t1", progress: 41 });
  await page.getByText("Paused, 1 new").waitFor();
  assert.equal(await lines.filter({ hasText: '"progress":41' }).count(), 0);
  await page.getByRole("button", { name: "Go on" }).click();
  await lines.filter({ hasText: '"progress":41' }).waitFor();

  await page.getByLabel("Scope").fill("novel:7");
  await page.getByLabel("Scope").press("Enter");
  await page.getByText("Waiting for events").waitFor();
  await publish(node, { taskId: "t2", progress: 1 });
  await publish(node, { taskId: "t3", progress: 2 }, "novel:7");
  await lines.filter({ hasText: '"taskId":"t3"' }).waitFor();
  assert.equal(await lines.count(), 1);
  assert.deepEqual(complaints, []);
});

Deno.test("console: markup in events, subjects, clients' names and the operator's own input stays text", async () => {
  await using stack = new AsyncDisposableStack();
  const { node, page, complaints } = await openConsole(stack);
  await login(page);
  const token = await node.running.tokenFor(HOSTILE, ["user:alice"]);
  await using _stream = await node.running.stream(token, "?scope=user:alice", { "user-agent": HOSTILE });
  await publish(node, { taskId: HOSTILE, progress: 1, [HOSTILE]: HOSTILE });
  const line = page.getByRole("list", { name: /^Events/ }).getByRole("listitem").filter({ hasText: "onerror" });
  await line.waitFor();
  await line.locator("summary").click();
  await page.getByLabel("Scope").fill(HOSTILE);
  await page.getByLabel("Scope").press("Enter");
  await page.locator('[role="status"]', { hasText: /scope/ }).first().waitFor();

  await page.getByRole("link", { name: "Connections" }).click();
  await page.getByRole("cell").filter({ hasText: "user:alice" }).first().waitFor();
  await page.getByRole("link", { name: "Explain" }).click();
  for (const field of ["Subject", "Scope", "Event"]) await page.getByLabel(field, { exact: true }).fill(HOSTILE);
  await page.locator("form.fields button").click();
  await page.locator(".answer .bad-text").waitFor();
  await page.goto(`${node.url}/console#explain?identity=${encodeURIComponent(HOSTILE)}`);
  await page.reload();
  await page.locator(".answer .bad-text").waitFor();
  await page.goto(`${node.url}/console#${encodeURIComponent(HOSTILE)}`);

  assert.equal(await page.evaluate(() => "hacked" in globalThis), false);
  assert.equal(
    await page.evaluate(() => document.querySelectorAll("#console script, img[src=x], a[href^=javascript]").length),
    0,
  );
  assert.deepEqual(complaints, []);
});

Deno.test("console: its policy forbids what is not its own, and nobody may frame it", async () => {
  await using stack = new AsyncDisposableStack();
  const { node, browser, page } = await openConsole(stack);
  const violations = await page.evaluate(async () => {
    const blocked: string[] = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => blocked.push(effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "globalThis.hacked = 1";
    document.body.append(script);
    const style = document.createElement("style");
    style.textContent = "body { color: red }";
    document.body.append(style);
    await fetch("http://127.0.0.1:9/").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    return blocked;
  });
  assert.deepEqual(violations.toSorted(), ["connect-src", "script-src-elem", "style-src-elem"]);
  const outer = await browser.newPage();
  await outer.setContent(`<iframe src="${node.url}/console"></iframe>`);
  await outer.waitForTimeout(500);
  const frame = outer.frames().find((each) => each !== outer.mainFrame());
  assert.equal(await frame?.evaluate(() => document.querySelector("#console") === null), true);
});
