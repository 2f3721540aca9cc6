/// <reference lib="dom" />
/** The console in a browser: what it shows, and that no text of an event, a client or an operator becomes markup. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { ADMIN_TOKEN, AdminGateway } from "../e2e/admin_gateway.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { login, openConsole, tailLines, until } from "./opened_console.ts";

const HOSTILE = `"'><img src=x onerror="hacked=1"><script>hacked=1</script><a href="javascript:hacked=1">x</a>`;

async function publish(node: AdminGateway, data: unknown, scope = "user:alice", event = "task.progress-updated") {
  const token = await node.running.tokenFor("alice");
  const response = await node.running.publish(token, { event, scope, data });
  assert.equal(response.status, 201, await response.text());
}

/** The `n` of the events in the list, as it stands. */
async function numbersShown(page: Page): Promise<number[]> {
  return (await tailLines(page).allInnerTexts()).map((text) => Number(/"n":(\d+)/.exec(text)?.[1]));
}

Deno.test("console: nothing is shown without the admin token, and the events as they come with it", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await AdminGateway.start());
  const { page, complaints, photograph } = await openConsole(stack, node.url);
  await page.getByLabel("Admin token").fill("not the admin token, though as long as it");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("The token is not this node's.").waitFor();
  await photograph("login");
  await login(page);
  await publish(node, { taskId: "t1", progress: 40 });
  await tailLines(page).filter({ hasText: '"progress":40' }).waitFor();
  assert.deepEqual(complaints, []);
});

Deno.test("console: a pause holds the events still, and what came meanwhile stands there in order when it ends", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await AdminGateway.start());
  const { page, complaints, photograph } = await openConsole(stack, node.url);
  await login(page);
  const shown = () => numbersShown(page);
  for (const n of [1, 2]) await publish(node, { n });
  await until("both are shown", async () => (await shown()).length === 2);

  await page.getByRole("button", { name: "Pause" }).click();
  for (const n of [3, 4, 5]) await publish(node, { n });
  // All three have come to the page: it is the pause that keeps them out of the list.
  await page.getByText("Paused, 3 new").waitFor();
  assert.deepEqual(await shown(), [2, 1]);
  await photograph("paused");

  await page.getByRole("button", { name: "Go on" }).click();
  await until("those that waited are shown", async () => (await shown()).length === 5);
  await publish(node, { n: 6 });
  await until("a later one is shown", async () => (await shown()).length === 6);
  assert.deepEqual(await shown(), [6, 5, 4, 3, 2, 1]);
  assert.deepEqual(complaints, []);
});

Deno.test("console: when the way to the node breaks, the events go on by themselves, each once, and a pause holds through it", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await AdminGateway.start());
  const proxy = stack.use(new TcpProxy(Number(new URL(node.url).port)));
  const { page } = await openConsole(stack, `http://127.0.0.1:${proxy.port}`);
  await login(page);
  const shows = (...expected: readonly number[]) =>
    until(`shown is ${expected} and nothing else`, async () => `${await numbersShown(page)}` === `${expected}`);
  for (const n of [1, 2]) await publish(node, { n });
  await shows(2, 1);

  proxy.isRefusing = true;
  proxy.cut();
  await page.getByText("The node cannot be reached; trying again").waitFor();
  await publish(node, { n: 3 });
  proxy.isRefusing = false;
  await shows(3, 2, 1);

  await page.getByRole("button", { name: "Pause" }).click();
  proxy.cut();
  await publish(node, { n: 4 });
  await page.getByText("Paused, 4 new").waitFor();
  assert.deepEqual(await numbersShown(page), [3, 2, 1]);
  await page.getByRole("button", { name: "Go on" }).click();
  await shows(4, 3, 2, 1);
});

Deno.test("console: shows the events of one scope, of one name, of both, and again all; a filter that is none is told", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await AdminGateway.start());
  const { page, complaints, photograph } = await openConsole(stack, node.url);
  await login(page);
  const names = ["task.progress-updated", "content.updated"];
  for (const scope of ["user:alice", "novel:7"]) {
    for (const event of names) await publish(node, {}, scope, event);
  }
  const filterBy = async (scope: string, event: string) => {
    await page.getByRole("textbox", { name: "Scope" }).fill(scope);
    await page.getByRole("textbox", { name: "Event" }).fill(event);
    await page.keyboard.press("Enter");
  };
  const shown = async () =>
    (await tailLines(page).allInnerTexts()).map((text) => /(\S+\.\S+)\s+(\w+:\w+)/.exec(text)?.slice(1).join(" "));
  const shows = (...expected: readonly string[]) =>
    until(`shown is ${expected} and nothing else`, async () => `${await shown()}` === `${expected}`);
  const ofNovel = ["content.updated novel:7", "task.progress-updated novel:7"];
  const ofAlice = ["content.updated user:alice", "task.progress-updated user:alice"];
  await shows(...ofNovel, ...ofAlice);
  await filterBy("novel:7", "");
  await shows(...ofNovel);
  await filterBy("", "task.*");
  await shows("task.progress-updated novel:7", "task.progress-updated user:alice");
  await filterBy("novel:7", "task.progress-updated");
  await shows("task.progress-updated novel:7");
  // What comes from now on is filtered as what came before. The last one passes: behind it nothing else is on its way.
  for (const scope of ["user:alice", "novel:7"]) {
    for (const event of names.toReversed()) await publish(node, {}, scope, event);
  }
  await shows("task.progress-updated novel:7", "task.progress-updated novel:7");
  await photograph("filtered");

  await filterBy("alice", "");
  await page.getByText("`scope` must be global, or kind:id").waitFor();
  await filterBy("", "");
  await until("all are shown again", async () => (await tailLines(page).count()) === 8);
  assert.deepEqual(complaints, []);
});

Deno.test("console: a filter applies as it is typed, not with every key, and Enter behind it begins nothing anew", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await AdminGateway.start());
  const { page, complaints, photograph } = await openConsole(stack, node.url);
  await login(page);
  for (const scope of ["user:alice", "novel:7"]) await publish(node, {}, scope);
  await until("both are shown", async () => (await tailLines(page).count()) === 2);
  let asked = 0;
  page.on("request", (request) => void (asked += Number(request.url().includes("/admin/v1/events"))));
  const field = page.getByRole("textbox", { name: "Scope" });

  await field.pressSequentially("novel:7");
  const ofNovel = () => tailLines(page).filter({ hasText: "novel:7" }).count();
  const showsOnly = (count: number) =>
    until(
      `${count} of the novel and no others`,
      async () => (await ofNovel()) === count && (await tailLines(page).count()) === count,
    );
  await showsOnly(1);
  await photograph("filter-typed");
  assert.ok(asked >= 1 && asked < "novel:7".length, `${asked} times for 7 keys`);

  const before = asked;
  await field.press("Enter");
  await field.press("Tab");
  await publish(node, {}, "user:alice");
  await publish(node, {}, "novel:7");
  await showsOnly(2);
  assert.equal(asked, before);

  // Who does not want to wait for the pause need not.
  await field.fill("user:alice");
  await field.press("Enter");
  await until("those of alice are shown", async () => (await ofNovel()) === 0 && (await tailLines(page).count()) === 2);
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
  const node = stack.use(await AdminGateway.start());
  const { page, complaints } = await openConsole(stack, node.url);
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
  const node = stack.use(await AdminGateway.start());
  const { browser, page, complaints } = await openConsole(stack, node.url);
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
  await until("all is blocked", () => blocked().length === directives.length);
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
  const node = stack.use(await AdminGateway.start());
  const { page, complaints } = await openConsole(stack, node.url);
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
