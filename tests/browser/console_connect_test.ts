/// <reference lib="dom" />
/** The console's "Connect as", on the gateway of a laptop: what it shows is run as it stands there. */
import assert from "node:assert/strict";
import { decodeJwt } from "jose";
import type { Page } from "playwright-core";
import { ADMIN_TOKEN, AdminGateway } from "../e2e/admin_gateway.ts";
import { freePort } from "../support/free_port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { login, openConsole, type OpenedConsole, until } from "./opened_console.ts";

/** A gateway of a laptop, with an admin port beside. */
async function startDevelopment(stack: AsyncDisposableStack): Promise<GatewayProcess & { readonly adminUrl: string }> {
  const adminPort = freePort();
  const config = { dev: { enabled: true, demo: false }, admin: { token: ADMIN_TOKEN }, server: { adminPort } };
  const gateway = stack.use(await startGatewayProcess({ config }));
  return Object.assign(gateway, { adminUrl: `http://127.0.0.1:${adminPort}` });
}

/** The console at the URL of a port that serves it, where "Connect as" is. */
async function openConnectView(stack: AsyncDisposableStack, url: string): Promise<OpenedConsole> {
  const opened = await openConsole(stack, url);
  await showConnectView(opened.page);
  return opened;
}

async function showConnectView(page: Page): Promise<void> {
  await login(page);
  await page.getByRole("link", { name: "Connect as" }).click();
}

/** What is shown under a title, ready to paste. */
async function snippet(page: Page, title: string): Promise<string> {
  return await page.locator(".snippet").filter({ hasText: title }).first().locator("pre").innerText();
}

/** What has become of what was asked for. */
async function noteOf(page: Page): Promise<string> {
  return await page.locator('form + [role="status"]').innerText();
}

async function makeToken(page: Page, subject: string, grants: string): Promise<void> {
  await page.getByLabel("Subject").fill(subject);
  await page.getByLabel("Further grants").fill(grants);
  await page.getByRole("button", { name: "Make a token" }).click();
}

/** A command that goes on until it is stopped, as a person pastes it into a terminal. */
class Terminal implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #over: Promise<unknown>;
  text = "";

  constructor(command: string, env: Record<string, string> = {}) {
    const { signal } = this.#stop;
    // bash becomes the one command that it was given, so that the signal reaches it.
    const bash = new Deno.Command("bash", { args: ["-c", command], env, signal, stdout: "piped", stderr: "null" });
    const child = bash.spawn();
    this.#over = Promise.all([child.status, this.#read(child.stdout)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }

  async #read(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const part of output.pipeThrough(new TextDecoderStream())) this.text += part;
  }
}

Deno.test("console, connect as: its curl, its client and the stream in the page get what its publishing line sends", async () => {
  await using stack = new AsyncDisposableStack();
  const gateway = await startDevelopment(stack);
  const { page, browser, complaints, photograph } = await openConnectView(stack, gateway.url);
  assert.match(await snippet(page, "curl"), /Bearer \$TOKEN/);
  await makeToken(page, "reader", "novel:7 novel:8");
  await page.getByText("A token of an hour for reader").waitFor();
  await page.getByLabel("Scopes").fill("novel:7");
  const curl = await snippet(page, "curl");
  const token = /Bearer ([^']+)/.exec(curl)?.[1] ?? "";
  assert.equal(decodeJwt(token).sub, "reader");
  assert.match(curl, /\?scope=novel%3A7'$/);

  await using terminal = new Terminal(curl);
  await until("curl's stream is open", () => terminal.text.includes("event: stream.opened"));
  const application = await browser.newPage();
  await application.route(`${gateway.url}/application`, (route) =>
    route.fulfill({
      contentType: "text/html",
      body:
        `<script>globalThis.shown = []; globalThis.show = (name, data) => shown.push(name + " " + data.taskId)</script>`,
    }));
  await application.goto(`${gateway.url}/application`);
  await application.addScriptTag({ type: "module", content: await snippet(page, "The client, in a module script") });
  await page.getByRole("button", { name: "Open the stream here" }).click();
  await page.getByText("Open; what comes stands below.").waitFor();
  const streams = async () =>
    (await (await fetch(`${gateway.url}/admin/v1/status`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    })).json()).streams.open;
  await until("three streams are open", async () => await streams() === 3);

  // First one that this subject may read and these streams did not ask for.
  await gateway.publish(token, { event: "task.progress-updated", scope: "novel:8", data: { taskId: "unasked" } });
  const publishing = new Deno.Command("bash", { args: ["-c", await snippet(page, "Publish")] });
  assert.equal((await publishing.output()).code, 0);
  const trial = page.getByRole("list", { name: "What this user gets, the newest first" }).getByRole("listitem");
  await trial.filter({ hasText: '"taskId":"mine"' }).waitFor();
  await until("curl has the event", () => terminal.text.includes('"taskId":"mine"'));
  await application.waitForFunction(() => globalThis.shown.length > 0);
  assert.deepEqual(await application.evaluate(() => globalThis.shown), ["task.progress-updated mine"]);
  assert.equal(await trial.filter({ hasText: "unasked" }).count(), 0);
  assert.doesNotMatch(terminal.text, /unasked/);
  await photograph("connect");
  assert.deepEqual(complaints, []);
});

Deno.test("console, connect as: what cannot be connected is told with its reason, and a token never speaks for another", async () => {
  await using stack = new AsyncDisposableStack();
  const gateway = await startDevelopment(stack);
  const { page, complaints, photograph } = await openConnectView(stack, gateway.adminUrl);
  const open = page.getByRole("button", { name: "Open the stream here" });
  const says = (pattern: RegExp) => until(`${pattern}`, async () => pattern.test(await noteOf(page)));

  // From the admin port the page reaches no other.
  await until("it says where to go", async () => (await noteOf(page)).includes(`${gateway.url}/console`));
  assert.equal(await open.isVisible(), false);
  await page.goto(`${gateway.url}/console`);
  await showConnectView(page);

  await makeToken(page, "reader", "novel");
  await says(/must be scopes, such as novel:7/);
  assert.equal(await open.isDisabled(), true);
  await makeToken(page, "", "");
  await says(/subject.* must be visible text/);

  await makeToken(page, "reader", "novel:7");
  await says(/A token of an hour for reader/);
  await page.getByLabel("Scopes").fill("novel:9");
  await open.click();
  await says(/403.*novel:9/);
  await photograph("connect-refused");
  await page.getByLabel("Scopes").fill("nothing");
  await open.click();
  await says(/400.*scope/);

  await page.getByLabel("Subject").fill("somebody-else");
  assert.equal(await open.isDisabled(), true, "that was the token of reader");
  assert.match(await snippet(page, "curl"), /Bearer \$TOKEN/);
  await page.getByLabel("Scopes").fill("");
  assert.match(await snippet(page, "Publish"), /"scope":"user:somebody-else"/);

  await makeToken(page, "reader", "novel:7");
  await page.getByLabel("Scopes").fill("novel:7");
  await open.click();
  await says(/^Open;/);
  // From here on the browser's own log has what it cannot load.
  assert.deepEqual(complaints, []);
  await gateway.kill();
  await says(/broke/);
  await open.click();
  await says(/cannot be reached/);
  await photograph("connect-unreachable");
});

Deno.test("console, connect as: where an issuer makes the tokens it makes none, and its curl takes the one in the shell", async () => {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await AdminGateway.start());
  const { page, complaints, photograph } = await openConnectView(stack, node.url);
  await until("it says whose tokens it takes", async () => /^Your issuer makes the tokens/.test(await noteOf(page)));
  for (const name of ["Make a token", "Open the stream here"]) {
    assert.equal(await page.getByRole("button", { name }).isVisible(), false);
  }
  const token = await node.running.tokenFor("alice");
  await using terminal = new Terminal(await snippet(page, "curl"), { TOKEN: token });
  await until("curl's stream is open", () => terminal.text.includes("event: stream.opened"));
  const event = { event: "task.progress-updated", scope: "user:alice", data: { taskId: "t1" } };
  await (await node.running.publish(token, event)).body?.cancel();
  await until("curl has the event", () => terminal.text.includes('"taskId":"t1"'));
  await photograph("connect-production");
  assert.deepEqual(complaints, []);
});

declare global {
  /** What the application was shown. */
  var shown: string[];
}
