/// <reference lib="dom" />
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { SSEClient, TokenRequest } from "../../src/client/core/mod.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { AUTH, RunningGateway } from "../e2e/running_gateway.ts";
import { type BrowserOptions, startChromium } from "../support/chromium.ts";
import { freePort } from "../support/free_port.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

declare global {
  /** What a page was told: numbers are events. See page.html. */
  var told: (number | string)[];
  var client: SSEClient;
  var source: EventSource;
  var openSource: (query?: string, path?: string, gateway?: string) => void;
  var openClient: (options?: Record<string, unknown>) => void;
  var isReady: boolean;
}

const PAGE = await Deno.readTextFile(new URL("./page.html", import.meta.url));
const COOKIE = "tests-session";

/** A gateway behind a proxy that the test can break, and a Chromium with pages of another origin. */
export class Site implements AsyncDisposable {
  readonly gateway: RunningGateway;
  readonly proxy: TcpProxy;
  /** Where pages find the gateway; another one where something else stands in front of it. */
  readonly gatewayUrl: string;
  readonly #browser: Browser;
  readonly #pages: Deno.HttpServer<Deno.NetAddr>;
  #context: BrowserContext | undefined;
  #published = 0;

  private constructor(
    gateway: RunningGateway,
    proxy: TcpProxy,
    gatewayUrl: string,
    browser: Browser,
    pages: Deno.HttpServer<Deno.NetAddr>,
  ) {
    this.gateway = gateway;
    this.proxy = proxy;
    this.gatewayUrl = gatewayUrl;
    this.#browser = browser;
    this.#pages = pages;
  }

  /** @param inFront starts what stands between the pages and the gateway, and gives its URL */
  static async open(
    settings: ConfigInput = {},
    inFront?: (port: number) => Promise<string>,
    browserOptions: BrowserOptions = {},
  ): Promise<Site> {
    let html = "";
    const pages = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ url }) =>
        new URL(url).pathname === "/"
          ? new Response(html, { headers: { "content-type": "text/html" } })
          : new Response(null, { status: 404 }),
    );
    const gateway = await RunningGateway.start({
      ...settings,
      auth: { ...AUTH, cookie: { name: COOKIE } },
      server: { adminPort: freePort(), corsOrigins: [`http://127.0.0.1:${pages.addr.port}`], ...settings.server },
      streams: {
        retry: { min: "1s", max: "1s" },
        refusalRetry: { min: "1s", max: "1s" },
        heartbeat: "1s",
        ...settings.streams,
      },
    });
    const proxy = new TcpProxy(gateway.gateway.port);
    const gatewayUrl = await inFront?.(proxy.port) ?? `http://127.0.0.1:${proxy.port}`;
    html = PAGE.replaceAll("{gateway}", gatewayUrl);
    return new Site(gateway, proxy, gatewayUrl, await startChromium(browserOptions), pages);
  }

  /** A tab of the one profile that all tabs of this site share, signed in as alice by a cookie. */
  async tab(): Promise<Page> {
    const context = this.#context ??= await this.#signedIn();
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${this.#pages.addr.port}/`);
    await page.waitForFunction(() => globalThis.isReady);
    return page;
  }

  /** A tab whose client asks the test for its token. */
  async tabWithTokens(getToken: (request: TokenRequest) => Promise<string>): Promise<Page> {
    const page = await this.tab();
    await page.context().clearCookies();
    await page.exposeFunction("getToken", getToken);
    return page;
  }

  /** Publishes the next numbers for alice, from 1 on. */
  async publish(count: number): Promise<void> {
    const token = await this.gateway.tokenFor("alice");
    for (const _ of Array(count).keys()) {
      const event = { event: "test.number-sent", scope: "user:alice", data: { n: ++this.#published } };
      await this.gateway.publish(token, event).then((response) => response.body?.cancel());
    }
  }

  /** Waits until the gateway has so many open streams. */
  async streams(count: number): Promise<void> {
    const url = `http://127.0.0.1:${this.gateway.gateway.adminPort}/metrics`;
    for (const deadline = performance.now() + 20_000; performance.now() < deadline;) {
      const open = /^tidegate_streams_open (\d+)$/m.exec(await (await fetch(url)).text())?.[1];
      if (Number(open) === count) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`Cannot see ${count} open streams after 20 s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.#pages.shutdown();
    await this.proxy[Symbol.asyncDispose]();
    await this.gateway[Symbol.asyncDispose]();
  }

  async #signedIn(): Promise<BrowserContext> {
    const context = await this.#browser.newContext();
    await context.addCookies([{ name: COOKIE, value: await this.gateway.tokenFor("alice"), url: this.gatewayUrl }]);
    return context;
  }
}

/** Waits until the page was told this, how often it may have been told other things before. */
export async function hears(page: Page, what: number | string): Promise<void> {
  await page.waitForFunction((wanted) => told.includes(wanted), what, { timeout: 20_000 });
}

/** The events that the page was given so far. */
export async function numbers(page: Page): Promise<number[]> {
  return (await page.evaluate(() => told)).filter((each) => typeof each === "number");
}

/** 1 to `last`. */
export function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}
