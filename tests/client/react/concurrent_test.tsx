/// <reference lib="dom" />
import "./browser.ts";
import assert from "node:assert/strict";
import { startTransition, useDeferredValue, useLayoutEffect, useState } from "react";
// @ts-types="@types/react-dom/client"
import { createRoot } from "react-dom/client";
import { SSEClient } from "../../../src/client/core/mod.ts";
import { SSEProvider, useSSE, useSSEClient, useSSEStatus } from "../../../src/client/react/mod.ts";
import { FakeTransport } from "../core/fake_transport.ts";

const NAME = "task.progress-updated";
/** So many that React's slice of 5 ms is over several times before all are rendered. */
const COMPONENTS = 8;
const RENDER_MS = 4;

/** A page without `act`, which would render in one go: React gives the turn back in between, as it does in a browser. */
class Page implements AsyncDisposable {
  readonly transport = new FakeTransport();
  readonly client = new SSEClient({ url: "http://gateway", storage: "memory", transport: this.transport });
  /** What stood on the page behind each commit. */
  readonly commits: (readonly string[])[] = [];
  /** What each component has read, in the order of their renders, committed or not. */
  readonly reads: string[] = [];
  readonly #element = document.createElement("div");
  readonly #root = createRoot(this.#element);
  #change: (isShown: boolean) => void = () => {};

  constructor(useText: () => string, useShown: (isShown: boolean) => boolean, before: number) {
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
    const Row = () => {
      const text = useText();
      this.reads.push(text);
      const endMs = performance.now() + RENDER_MS;
      while (performance.now() < endMs);
      useLayoutEffect(() => this.#note());
      return <p>{text}</p>;
    };
    const App = () => {
      const [isWanted, setWanted] = useState(false);
      this.#change = setWanted;
      const count = useShown(isWanted) ? COMPONENTS : before;
      return Array.from({ length: count }, (_, index) => <Row key={index} />);
    };
    this.#root.render(
      <SSEProvider client={this.client}>
        <App />
      </SSEProvider>,
    );
  }

  #note(): void {
    this.commits.push([...this.#element.querySelectorAll("p")].map(({ textContent }) => textContent));
  }

  async open(): Promise<void> {
    await this.until(() => this.transport.connections.length > 0);
    this.transport.last.opened();
    await this.until(() => this.client.getSnapshot().status === "open");
    this.transport.last.event("s:0:1~a", { taskId: "t1", progress: 1 });
    await this.settled();
  }

  /** Shows all rows by a render that can be interrupted, and resolves when it has begun and is not done. */
  async show(change: (run: () => void) => void): Promise<void> {
    const rendered = this.reads.length;
    change(() => this.#change(true));
    await this.until(() => this.reads.length > rendered + 1);
    assert.ok(this.reads.length < rendered + COMPONENTS, "React has not rendered all of them in one go");
  }

  async until(holds: () => boolean): Promise<void> {
    for (let turn = 0; !holds(); turn++) {
      assert.ok(turn < 10_000, "React does not get there");
      await this.transport.clock.tickAsync(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Until nothing has been rendered for a while. */
  async settled(): Promise<void> {
    let rendered = -1;
    while (rendered !== this.reads.length) {
      rendered = this.reads.length;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  torn(): readonly (readonly string[])[] {
    return this.commits.filter((texts) => new Set(texts).size > 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#root.unmount();
    await this.settled();
    this.client.close();
    this.transport[Symbol.dispose]();
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  }
}

const WAYS: Readonly<Record<string, { change: (run: () => void) => void; useShown: (isShown: boolean) => boolean }>> = {
  startTransition: { change: startTransition, useShown: (isShown) => isShown },
  useDeferredValue: { change: (run) => run(), useShown: (isShown) => useDeferredValue(isShown) },
};

for (const [way, { change, useShown }] of Object.entries(WAYS)) {
  Deno.test(`useSSEStatus: in an interrupted ${way}, no commit shows two states of the client`, async () => {
    for (const before of [0, 3]) {
      await using page = new Page(() => useSSEStatus().status, useShown, before);
      await page.open();
      await page.show(change);
      page.client.close();
      await page.settled();
      assert.deepEqual(page.torn(), []);
      assert.ok(page.reads.includes("open"), "what was thrown away had read the state before");
      assert.deepEqual(page.commits.at(-1), Array(COMPONENTS).fill("closed"));
    }
  });
}

Deno.test("useSSE: in an interrupted startTransition, no commit shows two values of one event", async () => {
  await using page = new Page(() => `${useSSE(NAME)?.progress}`, (isShown) => isShown, COMPONENTS);
  await page.open();
  await page.show(startTransition);
  page.transport.last.event("s:0:2~b", { taskId: "t1", progress: 2 });
  await page.settled();
  assert.deepEqual(page.torn(), []);
  assert.deepEqual(page.commits.at(-1), Array(COMPONENTS).fill("2"));
});

Deno.test("the page of these tests shows a tear where there is one: a snapshot that is read while rendering", async () => {
  const useNaiveStatus = () => {
    const client = useSSEClient();
    const [, render] = useState(0);
    useLayoutEffect(() => client.subscribe(() => render((count) => count + 1)), [client]);
    return client.getSnapshot().status;
  };
  await using page = new Page(useNaiveStatus, (isShown) => isShown, 0);
  await page.open();
  await page.show(startTransition);
  page.client.close();
  await page.settled();
  assert.ok(page.torn().length > 0, "some rows were rendered before, some behind the change");
});
