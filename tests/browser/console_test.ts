/// <reference lib="dom" />
/** The console in a browser: what it shows, and that no text of an event, a client or an operator becomes markup. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { ADMIN_TOKEN, AdminGateway } from "../e2e/admin_gateway.ts";
import { startChromium } from "../support/chromium.ts";

declare global {
  /** The test's: told what the policy has blocked. */
  var complain: (directive: string) => void;
}

const FOLDER = new URL("../../dist/screenshots/", import.meta.url);
const HOSTILE = `"'><img src=x onerror="hacked=1"><script>hacked=1</script><a href="javascript:hacked=1">x</a>`;

interface OpenedConsole {
  readonly node: AdminGateway;
  readonly browser: Browser;
  readonly page: Page;
  /** Errors of the page, blocked loads among them. */
  readonly complaints: readonly string[];
}

/** A console as an operator opens it; in the end it is photographed into dist/screenshots, for a developer to look at. */
async function openConsole(stack: AsyncDisposableStack, name: string): Promise<OpenedConsole> {
  const node = stack.use(await AdminGateway.start());
  const browser = await startChromium();
  stack.defer(() => browser.close());
  const page = await browser.newPage();
  stack.defer(async () =>
    void await page.screenshot({ path: fileURLToPath(new URL(`${name}.png`, FOLDER)), fullPage: true })
  );
  const complaints: string[] = [];
  await page.exposeFunction("complain", (directive: string) => complaints.push(`blocked by ${directive}`));
  await page.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => complain(effectiveDirective))
  );
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
  const { node, page, complaints } = await openConsole(stack, "events");
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

/** Nothing of the hostile texts has become markup or has run, on the page as it is now: a navigation starts with a clean one. */
async function assertPlainText(page: Page): Promise<void> {
  assert.equal(await page.evaluate(() => "hacked" in globalThis), false);
  const markup = "#console script, img[src=x], a[href^=javascript]";
  assert.equal(await page.evaluate((selector) => document.querySelectorAll(selector).length, markup), 0);
}

Deno.test("console: markup in events, subjects, clients' names and the operator's own input stays text", async () => {
  await using stack = new AsyncDisposableStack();
  const { node, page, complaints } = await openConsole(stack, "hostile");
  await login(page);
  const token = await node.running.tokenFor(HOSTILE, ["user:alice"]);
  await using _stream = await node.running.stream(token, "?scope=user:alice", { "user-agent": HOSTILE });
  await publish(node, { taskId: HOSTILE, progress: 1, [HOSTILE]: HOSTILE });
  // What a scope's id may hold is wide; spaces are not in it.
  await publish(node, { taskId: "of a hostile scope" }, `user:"><img/src=x/onerror="hacked=1">`);
  await page.getByRole("listitem").filter({ hasText: "/onerror=" }).first().waitFor();
  const line = page.getByRole("list", { name: /^Events/ }).getByRole("listitem").filter({
    hasText: "img src=x onerror",
  });
  await line.waitFor();
  await line.locator("summary").click();
  await page.getByLabel("Scope").fill(HOSTILE);
  await page.getByLabel("Scope").press("Enter");
  await page.locator('[role="status"]', { hasText: /scope/ }).first().waitFor();

  await assertPlainText(page);

  await page.getByRole("link", { name: "Connections" }).click();
  await page.getByRole("cell").filter({ hasText: "user:alice" }).first().waitFor();
  await page.getByRole("rowheader").filter({ hasText: HOSTILE }).first().waitFor();
  await assertPlainText(page);
  await page.getByRole("link", { name: "Explain" }).click();
  for (const field of ["Subject", "Scope", "Event"]) await page.getByLabel(field, { exact: true }).fill(HOSTILE);
  await page.locator("form.fields button").click();
  await page.locator(".answer .bad-text").waitFor();
  await assertPlainText(page);
  await page.goto(`${node.url}/console#explain?identity=${encodeURIComponent(HOSTILE)}`);
  await assertPlainText(page);
  await page.reload();
  await page.locator(".answer .bad-text").waitFor();
  await assertPlainText(page);
  await page.goto(`${node.url}/console#${encodeURIComponent(HOSTILE)}`);
  await assertPlainText(page);
  assert.deepEqual(complaints, []);
});

Deno.test("console: its policy forbids what is not its own, and nobody may frame it", async () => {
  await using stack = new AsyncDisposableStack();
  const { node, browser, page, complaints } = await openConsole(stack, "policy");
  await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "globalThis.hacked = 1";
    document.body.append(script);
    const style = document.createElement("style");
    style.textContent = "body { color: red }";
    document.body.append(style);
    await fetch("http://127.0.0.1:9/").catch(() => {});
  });
  const directives = ["connect-src", "script-src-elem", "style-src-elem"];
  const blocked = () => complaints.filter((each) => each.startsWith("blocked by ")).toSorted();
  await until(() => blocked().length === directives.length);
  assert.deepEqual(blocked(), directives.map((each) => `blocked by ${each}`));
  assert.equal(await page.evaluate(() => "hacked" in globalThis), false);

  const outer = await browser.newPage();
  const refused = outer.waitForEvent("console", (message) => /frame-ancestors/.test(message.text()));
  const asked = outer.waitForResponse(`${node.url}/console`);
  await outer.setContent(`<iframe src="${node.url}/console"></iframe>`);
  assert.equal((await asked).status(), 200, "the frame did ask for it");
  await refused;
  const frame = outer.frames().find((each) => each !== outer.mainFrame());
  assert.equal(await frame?.evaluate(() => document.querySelector("#console") === null), true);
});

Deno.test("console: by keyboard alone: in, past the header, pause, filter, and a drain that must be said twice", async () => {
  await using stack = new AsyncDisposableStack();
  const { node, page, complaints } = await openConsole(stack, "drain");
  const focused = () => page.evaluate(() => document.activeElement?.textContent || document.activeElement?.id || "");
  const tabTo = async (name: string) => {
    for (let presses = 0; await focused() !== name; presses++) {
      assert.ok(presses < 40, `${name} is reached, not only ${await focused()}`);
      await page.keyboard.press("Tab");
      const { outlineStyle, outlineWidth } = await page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement ?? document.body);
        return { outlineStyle, outlineWidth };
      });
      assert.ok(outlineStyle !== "none" && outlineWidth !== "0px", `focus shows on ${await focused()}`);
    }
  };
  await tabTo("token");
  await page.keyboard.type(ADMIN_TOKEN);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Events" }).waitFor();
  await tabTo("Skip to content");
  await page.keyboard.press("Enter");
  await tabTo("Pause");
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Go on" }).waitFor();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Pause" }).waitFor();

  await page.getByRole("link", { name: "Connections" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Drain" }).waitFor();
  await tabTo("Drain this node…");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "Cancel");
  await page.keyboard.press("Enter");
  assert.equal((await node.json("GET", "/admin/v1/status")).draining, false);
  await tabTo("Drain this node…");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Drain and end it");
  await page.keyboard.press("Enter");
  await page.getByText("It drains: its streams are closed within").waitFor();
  assert.deepEqual(complaints, []);
});

async function until(isSo: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 10_000; !isSo();) {
    if (performance.now() > deadline) assert.fail("Waited in vain for 10 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
