import { type Browser, chromium } from "playwright-core";
import { SERVER_VARIABLES } from "./server_variables.ts";

/** Where Debian puts it. */
export const CHROMIUM = "/usr/bin/chromium";

/** What a test wants otherwise than the driver. */
export interface BrowserOptions {
  /** Whether pages that were left stay in memory, to be shown again as they were. Default false. */
  readonly keepsPages?: boolean;
}

/** A Chromium of one's own, without a window. */
export async function startChromium({ keepsPages = false }: BrowserOptions = {}): Promise<Browser> {
  return await chromium.launch({
    executablePath: Deno.env.get(SERVER_VARIABLES.chromium) ?? CHROMIUM,
    // Its sandbox refuses to work for root. The only pages are the tests' own.
    ignoreDefaultArgs: keepsPages ? ["--disable-back-forward-cache"] : [],
    chromiumSandbox: Deno.uid() !== 0,
  });
}
