/** What changes between a query's fetch and the opening of the stream is in no event. */
import "../react/browser.ts";
import assert from "node:assert/strict";
import { act, renderHook } from "@testing-library/react";
import { environmentManager, QueryClient, QueryClientProvider, QueryObserver, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { type CursorStorage, SSEClient } from "../../../src/client/core/mod.ts";
import { syncQueries, useFallbackInterval, useSyncedQueries } from "../../../src/client/query/mod.ts";
import { SSEProvider } from "../../../src/client/react/mod.ts";
import { shareStream } from "../../../src/client/share/mod.ts";
import { FakeServer } from "../share/fake_server.ts";
import { LockManagerDouble } from "../share/lock_manager.ts";
import { until } from "../share/until.ts";
import { Page } from "./page.ts";

/** Storage that has a cursor from before. */
const STORED: CursorStorage = { getItem: () => "log:0:0", setItem: () => {} };

for (const transport of ["stream", "poll"]) {
  Deno.test(`a first opening (${transport}): what was fetched before is fetched again, what comes behind it once`, async () => {
    using page = new Page();
    page.sync();
    page.look("tasks");
    await page.answer("v1");
    page.queries.setQueryData(["novels"], "v1");
    page.client.open();
    await page.transport.pass(200);
    assert.deepEqual(page.keys, ["tasks"]);
    page.transport.last.opened({ resumed: false, transport }, transport === "stream" ? "s:0:0~a" : undefined);
    page.transport.last.push({ id: "s:0:0~a" });
    await page.transport.pass();
    assert.deepEqual(page.keys, ["tasks", "tasks"], "at once");
    page.look("other");
    for (const fetch of page.fetches) fetch.answer("v2");
    await page.transport.pass(10_000);
    assert.deepEqual(page.keys, ["tasks", "tasks", "other"]);
    assert.equal(page.queries.getQueryData(["tasks"]), "v2");
    assert.equal(page.isInvalid("novels"), true, "nobody looks at it: fetched when somebody does");
  });
}

Deno.test("a first opening: a fetch that is under way may have read before it, and is made again", async () => {
  using page = new Page();
  page.sync();
  page.client.open();
  page.look("tasks");
  await page.transport.pass();
  page.transport.last.opened({ resumed: false }, "s:0:0~a");
  await page.transport.pass(1_000);
  assert.deepEqual(page.keys, ["tasks"], "not beside it");
  await page.answer("v1");
  await page.transport.pass(250);
  await page.answer("v2");
  await page.transport.pass(10_000);
  assert.deepEqual([page.keys, page.queries.getQueryData(["tasks"])], [["tasks", "tasks"], "v2"]);
});

Deno.test("a first opening: touches what the page says, and the reason is told", async () => {
  using page = new Page();
  const reasons: string[] = [];
  for (const key of ["tasks", "other"]) page.look(key);
  for (const fetch of page.fetches) fetch.answer([]);
  await page.start({ touched: ({ reason, source }) => (reasons.push(`${reason} ${source}`), [["tasks"]]) });
  assert.deepEqual([reasons, page.keys], [["opened null"], ["tasks", "other", "tasks"]]);
});

Deno.test("an opening behind the client's cursor fetches nothing; without one each does, but not twice in one attempt", async () => {
  using page = new Page();
  await page.start();
  page.look("tasks");
  await page.answer([]);
  const reopen = async (id?: string) => {
    page.transport.last.push("end");
    await page.transport.pass(30_000);
    // A refusal is a stream that is never opened.
    page.transport.last.push({ event: "stream.closing", data: JSON.stringify({ retryAfterMs: 1_000 }) });
    page.transport.last.push("end");
    await page.transport.pass(1_000);
    page.transport.last.opened({ resumed: id !== undefined }, id);
    await page.transport.pass(250);
    await page.answer([]);
  };
  await reopen();
  assert.equal(page.keys.length, 2, "no id has come yet");
  // A way to the gateway that changes within the attempt, as from polls to the stream.
  page.transport.last.push({ id: "s:0:0~a" });
  page.transport.last.opened({ resumed: true }, "s:0:0~a");
  await page.transport.pass(250);
  assert.equal(page.keys.length, 2, "it goes on from the first");
  await reopen("s:0:0~a");
  assert.equal(page.keys.length, 2);
});

Deno.test("a tab that joins a shared stream has missed what its leader has not", async () => {
  const server = new FakeServer();
  const locks = new LockManagerDouble();
  const gone = new AbortController();
  const stops: (() => void)[] = [];
  server.publish("a.b");
  const openTab = async (storage: "memory" | CursorStorage) => {
    const transport = shareStream(server.transport, { subject: "alice", locks: locks.page(gone.signal) });
    const client = new SSEClient({ url: "https://gateway.test", storage, transport });
    const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, gcTime: Infinity } } });
    let fetches = 0;
    const queryFn = () => Promise.resolve(++fetches);
    stops.push(new QueryObserver(queries, { queryKey: ["tasks"], queryFn }).subscribe(() => {}));
    await until(() => fetches === 1, "it is fetched");
    stops.push(syncQueries(client, queries, {}), () => client.close(), () => queries.clear());
    client.open();
    await until(() => client.getSnapshot().status === "open", "it is open");
    return () => fetches;
  };
  // The leader's stream was resumed; that of the tab without a cursor was not, though it is the same.
  const leader = await openTab(STORED);
  const follower = await openTab("memory");
  await until(() => follower() === 2, "the follower fetches again");
  assert.deepEqual([leader(), server.openedStreams], [1, 1]);
  for (const stop of stops) stop();
  await until(() => server.openStreams === 0 && locks.heldNames.length === 0, "nothing is left");
});

Deno.test("useFallbackInterval: what changes between the last poll and the first opening is fetched at the opening", async () => {
  // It takes Deno for a server, on which nothing polls.
  environmentManager.setIsServer(() => false);
  using stack = new DisposableStack();
  stack.defer(() => environmentManager.setIsServer(() => true));
  const page = stack.use(new Page());
  const wrapper = ({ children }: { children?: ReactNode }) => (
    <QueryClientProvider client={page.queries}>
      <SSEProvider client={page.client}>{children}</SSEProvider>
    </QueryClientProvider>
  );
  let state = 1;
  const { result } = renderHook(() => {
    useSyncedQueries({});
    const refetchInterval = useFallbackInterval(3_000);
    return useQuery({ queryKey: ["tasks"], queryFn: () => Promise.resolve(state), refetchInterval }).data;
  }, { wrapper });
  const pass = (ms: number) => act(() => page.transport.pass(ms));
  await pass(5_000);
  state = 2;
  await pass(3_500);
  assert.equal(result.current, 2, "the first attempt hangs: it polls");
  state = 3;
  await pass(1_000);
  page.transport.last.opened({ resumed: false }, "s:0:0~a");
  await pass(250);
  assert.equal(result.current, 3);
  state = 4;
  await pass(10_000);
  assert.equal(result.current, 3, "it does not poll any more: an event would have told");
});
