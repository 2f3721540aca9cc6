/// <reference lib="dom" />
import { fileURLToPath } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import { ADMIN_TOKEN } from "../e2e/admin_gateway.ts";
import { startChromium } from "../support/chromium.ts";

declare global {
  /** The test's: told what the policy has blocked. */
  var complain: (directive: string) => void;
}

const FOLDER = new URL("../../dist/screenshots/", import.meta.url);

/** A console in a Chromium of its own. */
export interface OpenedConsole {
  readonly browser: Browser;
  readonly page: Page;
  /** Errors of the page, blocked loads among them. */
  readonly complaints: readonly string[];
  /** Photographs the page as it is into dist/screenshots, for a developer to look at. */
  photograph(name: string): Promise<void>;
}

/** A console as an operator opens it, at the URL of a port that serves it. */
export async function openConsole(stack: AsyncDisposableStack, url: string): Promise<OpenedConsole> {
  const browser = await startChromium();
  stack.defer(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
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
  await page.goto(`${url}/console`);
  const photograph = async (name: string) =>
    void await page.screenshot({ path: fileURLToPath(new URL(`${name}.png`, FOLDER)), fullPage: true });
  return { browser, page, complaints, photograph };
}

/** With the admin token that the tests' gateways have, to the live view. */
export async function login(page: Page): Promise<void> {
  await page.getByLabel("Admin token").fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("heading", { name: "Events" }).waitFor();
}

/** The lines of the live view's events, the newest first. */
export function tailLines(page: Page): Locator {
  return page.getByRole("list", { name: /^Events/ }).getByRole("listitem");
}

/** Waits until it is so; says what was waited for when it never is. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 15_000; !await isSo();) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for 15 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
