import { type Browser, chromium } from "playwright-core";
import { SERVER_VARIABLES } from "./server_variables.ts";

/** Where Debian puts it. */
export const CHROMIUM = "/usr/bin/chromium";

/** A Chromium of one's own, without a window. */
export async function startChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: Deno.env.get(SERVER_VARIABLES.chromium) ?? CHROMIUM,
    // Its sandbox refuses to work for root. The only pages are the tests' own.
    chromiumSandbox: Deno.uid() !== 0,
  });
}
