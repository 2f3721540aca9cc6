/// <reference lib="dom" />
import "./browser.ts";
import assert from "node:assert/strict";
import { act, cleanup, render, renderHook } from "@testing-library/react";
import { type ReactNode, startTransition, StrictMode, Suspense, useEffect, useState } from "react";
// @ts-types="@types/react-dom/client"
import { hydrateRoot } from "react-dom/client";
// @ts-types="@types/react-dom/server"
import { renderToString } from "react-dom/server";
import { type EventMap, SSEClient, type SSEEvent } from "../../../src/client/core/mod.ts";
import { SSEProvider, useSSE, useSSEClient, useSSEEvent, useSSEStatus } from "../../../src/client/react/mod.ts";
import { FakeTransport } from "../core/fake_transport.ts";

const NAME = "task.progress-updated";

/** A page with a client whose connections the test plays. */
class Page implements Disposable {
  readonly transport = new FakeTransport();
  readonly client = new SSEClient({ url: "http://gateway", storage: "memory", transport: this.transport });
  readonly Wrapper = ({ children }: { children?: ReactNode }) => (
    <SSEProvider client={this.client}>{children}</SSEProvider>
  );
  #count = 0;

  /** Time passes, and React renders what came of it. */
  async pass(ms = 0): Promise<void> {
    await act(() => this.transport.pass(ms));
  }

  async open(): Promise<void> {
    await this.pass();
    this.transport.last.opened();
    await this.pass();
  }

  /** One event a progress, all before React may render. */
  async progress(...percents: readonly number[]): Promise<void> {
    for (const progress of percents) {
      this.transport.last.event(`s:0:${++this.#count}~a`, { taskId: "t1", progress });
    }
    await this.pass();
  }

  [Symbol.dispose](): void {
    cleanup();
    this.client.close();
    this.transport[Symbol.dispose]();
  }
}

Deno.test("useSSEEvent: the handler sees every event in order, and nothing renders", async () => {
  using page = new Page();
  const seen: number[] = [];
  let renders = 0;
  renderHook(() => {
    renders++;
    useSSEEvent(NAME, ({ data }) => seen.push(data.progress));
  }, { wrapper: page.Wrapper });
  await page.open();
  await page.progress(1, 2, 3);
  await page.progress(4);
  assert.deepEqual([seen, renders], [[1, 2, 3, 4], 1]);
});

Deno.test("useSSEEvent: the newest handler is called, one of another name no more, and none after the unmount", async () => {
  using page = new Page();
  const seen: string[] = [];
  const names: (keyof EventMap)[] = [NAME, "task.status-changed"];
  const { rerender, unmount } = renderHook(
    ({ mark, name }: { mark: string; name: keyof EventMap }) =>
      useSSEEvent(name, ({ id }) => seen.push(`${mark} ${id}`)),
    {
      wrapper: page.Wrapper,
      initialProps: { mark: "a", name: names[0] ?? NAME },
    },
  );
  await page.open();
  await page.progress(1);
  rerender({ mark: "b", name: NAME });
  await page.progress(2);
  rerender({ mark: "c", name: "task.status-changed" });
  await page.progress(3);
  unmount();
  assert.deepEqual(seen, ["a s:0:1~a", "b s:0:2~a"]);
});

Deno.test("useSSEEvent: a render that React has not committed leaves its handler behind nowhere", async () => {
  using page = new Page();
  const seen: string[] = [];
  const never = new Promise<void>(() => {});
  let show: (mark: string) => void = () => {};
  function Listener({ mark }: { mark: string }) {
    useSSEEvent(NAME, () => seen.push(mark));
    // As libraries for React 18 do; it has no `use`.
    if (mark === "suspended") throw never;
    return null;
  }
  function Root() {
    const [mark, setMark] = useState("committed");
    show = setMark;
    return (
      <Suspense fallback={null}>
        <Listener mark={mark} />
      </Suspense>
    );
  }
  render(<Root />, { wrapper: page.Wrapper });
  await page.open();
  await act(async () => startTransition(() => show("suspended")));
  await page.progress(1);
  assert.deepEqual(seen, ["committed"]);
});

Deno.test("useSSE: the latest value is shown, selected and filtered; a disabled hook keeps the last", async () => {
  using page = new Page();
  let renders = 0;
  const { result, rerender } = renderHook(({ enabled }: { enabled: boolean }) => {
    renders++;
    return useSSE(NAME, {
      select: ({ data }) => data.progress * 10,
      filter: ({ data }) => data.progress !== 13,
      enabled,
      initial: -1,
    });
  }, { wrapper: page.Wrapper, initialProps: { enabled: true } });
  assert.equal(result.current, -1);
  await page.open();
  await page.progress(1, 2, 13);
  assert.deepEqual([result.current, renders], [20, 2]);
  rerender({ enabled: false });
  await page.progress(5);
  assert.equal(result.current, 20);
  rerender({ enabled: true });
  await page.progress(6);
  assert.equal(result.current, 60);
});

Deno.test("useSSE: without options it is the data, undefined at first, and never that of another name", async () => {
  using page = new Page();
  const { result, rerender } = renderHook(
    ({ name }: { name: "task.progress-updated" | "task.status-changed" }) => useSSE(name),
    { wrapper: page.Wrapper, initialProps: { name: NAME } },
  );
  assert.equal(result.current, undefined);
  await page.open();
  await page.progress(7);
  assert.deepEqual(result.current, { taskId: "t1", progress: 7 });
  rerender({ name: "task.status-changed" });
  assert.equal(result.current, undefined);
  rerender({ name: NAME });
  assert.equal(result.current, undefined, "what came in between would be missing in it");
});

Deno.test("useSSE: with another key the value is the initial one until the next event, not even once that of another", async () => {
  using page = new Page();
  const shown: string[] = [];
  const { rerender } = renderHook(({ taskId }: { taskId: string }) => {
    const percent = useSSE(NAME, {
      key: taskId,
      filter: ({ data }) => data.taskId === taskId,
      select: ({ data }) => data.progress,
      initial: 0,
    });
    useEffect(() => void shown.push(`${taskId} ${percent}`));
  }, { wrapper: page.Wrapper, initialProps: { taskId: "t1" } });
  await page.open();
  await page.progress(40);
  rerender({ taskId: "t2" });
  await page.progress(50);
  page.transport.last.event("s:0:90~a", { taskId: "t2", progress: 7 });
  await page.pass();
  rerender({ taskId: "t1" });
  await page.progress(60);
  assert.deepEqual(shown, ["t1 0", "t1 40", "t2 0", "t2 7", "t1 0", "t1 60"]);
});

Deno.test("SSEProvider: StrictMode mounts twice and opens once; the last unmount closes, one macrotask later", async () => {
  using page = new Page();
  const { unmount } = render(
    <StrictMode>
      <page.Wrapper />
    </StrictMode>,
  );
  await page.open();
  assert.equal(page.transport.connections.length, 1);
  assert.equal(page.client.getSnapshot().status, "open");
  unmount();
  const again = render(<page.Wrapper />);
  await page.pass();
  assert.deepEqual([page.transport.connections.length, page.client.getSnapshot().status], [1, "open"]);
  again.unmount();
  assert.equal(page.client.getSnapshot().status, "open");
  await page.pass();
  assert.deepEqual([page.client.getSnapshot().status, page.transport.last.isAborted], ["closed", true]);
});

Deno.test("useSSEStatus: follows a stream that breaks, is lost and comes back; events alone render nothing", async () => {
  using page = new Page();
  const shown: string[] = [];
  renderHook(() => {
    const { status, isLost } = useSSEStatus();
    shown.push(isLost ? `${status}, lost` : status);
  }, { wrapper: page.Wrapper });
  await page.open();
  await page.progress(1, 2, 3);
  page.transport.last.push(new Error("gone"));
  await page.pass();
  for (let second = 0; second < 10; second++) {
    await page.pass(1_000);
    if (!page.transport.last.isAborted) page.transport.last.push(new Error("still gone"));
  }
  assert.deepEqual(shown.filter((text, index) => text !== shown[index - 1]), [
    "idle",
    "connecting",
    "open",
    "reconnecting",
    "reconnecting, lost",
  ]);
  await page.pass(20_000);
  page.transport.last.opened();
  await page.pass();
  assert.equal(shown.at(-1), "open");
});

Deno.test("a server renders the idle state and opens nothing; the browser takes it over, though its client is open", async () => {
  using page = new Page();
  const App = () => <p>{useSSEStatus().status} {useSSE(NAME, { select: ({ data }) => data.progress, initial: 0 })}</p>;
  const tree = (
    <page.Wrapper>
      <App />
    </page.Wrapper>
  );
  const html = renderToString(tree);
  assert.match(html, /idle/);
  await page.pass();
  assert.equal(page.transport.connections.length, 0);
  page.client.open();
  await page.open();
  const element = document.createElement("div");
  element.innerHTML = html;
  const errors: unknown[] = [];
  const root = await act(async () => hydrateRoot(element, tree, { onRecoverableError: (error) => errors.push(error) }));
  assert.deepEqual([errors, element.textContent], [[], "open 0"]);
  await act(async () => root.unmount());
});

Deno.test("a hook without a provider says what is missing", () => {
  assert.throws(() => renderToString(<Lonely />), /wrap the component in an SSEProvider/);
});

function Lonely(): null {
  useSSEClient();
  return null;
}

/** Checked by the compiler alone. */
export function Types(): readonly unknown[] {
  const progress: number | undefined = useSSE(NAME)?.progress;
  const title: string = useSSE("system.notification-sent", { select: ({ data }) => data.title, initial: "" });
  useSSEEvent(NAME, (event: SSEEvent<EventMap[typeof NAME]>) => void event.data.taskId);
  // @ts-expect-error: no such event
  useSSEEvent("task.progress-updatet", () => {});
  // @ts-expect-error: what is selected has its own type
  const wrong: string = useSSE(NAME, { select: ({ data }) => data.progress, initial: 0 });
  // @ts-expect-error: without an initial value there may be none
  const absent: number = useSSE(NAME, { select: ({ data }) => data.progress });
  return [progress, title, wrong, absent];
}
