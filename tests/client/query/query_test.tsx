import "../react/browser.ts";
import assert from "node:assert/strict";
import { act, renderHook } from "@testing-library/react";
import { QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useFallbackInterval, useSyncedQueries } from "../../../src/client/query/mod.ts";
import { SSEProvider } from "../../../src/client/react/mod.ts";
import { Page, progress, RULES, status } from "./page.ts";

Deno.test("invalidate: the first at once, the rest of the window in one run at its end, each query once", async () => {
  using page = new Page();
  await page.start();
  page.look("task", "t1");
  page.look("tasks");
  for (const fetch of page.fetches) fetch.answer([]);
  await page.transport.pass();
  assert.deepEqual(page.keys, ["task t1", "tasks"]);
  for (let n = 0; n < 10; n++) {
    await page.event("task.status-changed", status);
    for (const fetch of page.fetches) fetch.answer([]);
  }
  assert.deepEqual(page.keys.slice(2), ["task t1"], "the second key of the first event is in the window already");
  await page.transport.pass(250);
  assert.deepEqual(page.keys.slice(3).toSorted(), ["task t1", "tasks"]);
  for (const fetch of page.fetches) fetch.answer([]);
  await page.transport.pass(10_000);
  assert.equal(page.keys.length, 5, "nothing more comes of it");
});

Deno.test("invalidate: what is swallowed by a first fetch is fetched again once that has settled", async () => {
  using page = new Page();
  await page.start();
  page.look("task", "t1");
  await page.event("task.status-changed", status);
  assert.deepEqual(page.keys, ["task t1"], "the first fetch goes on");
  await page.answer({ id: "t1", progress: 0 });
  await page.transport.pass(250);
  assert.deepEqual(page.keys, ["task t1", "task t1"]);
  await page.answer({ id: "t1", progress: 1 });
  await page.transport.pass(10_000);
  assert.deepEqual([page.keys.length, page.task()?.progress], [2, 1]);
});

Deno.test("invalidate: a fetch of data that nobody looks at leaves it invalid", async () => {
  using page = new Page();
  await page.start();
  const queryFn = () => new Promise((resolve) => setTimeout(() => resolve("old"), 1_000));
  await Promise.all([
    page.queries.fetchQuery({ queryKey: ["tasks"], queryFn, staleTime: 0 }),
    page.transport.pass(1_000),
  ]);
  const second = page.queries.fetchQuery({ queryKey: ["tasks"], queryFn, staleTime: 0 });
  await page.event("task.status-changed", status);
  await page.transport.pass(1_000);
  await second;
  await page.transport.pass(500);
  assert.equal(page.queries.getQueryState(["tasks"])?.isInvalidated, true);
});

Deno.test("patch: what is newer changes the data, what is older never does, and it looks no fresher than it is", async () => {
  using page = new Page();
  await page.start();
  page.look("task", "t1");
  await page.answer({ id: "t1", progress: 0 });
  const fetchedAt = page.queries.getQueryState(["task", "t1"])?.dataUpdatedAt;
  await page.transport.pass(5_000);
  await page.event("task.progress-updated", progress(40));
  await page.event("task.progress-updated", progress(30));
  assert.deepEqual(page.task(), { id: "t1", progress: 40 });
  assert.equal(page.queries.getQueryState(["task", "t1"])?.dataUpdatedAt, fetchedAt);
  assert.deepEqual(page.keys, ["task t1"], "nothing was fetched for it");
  assert.equal(page.queries.getQueryData(["task", "t2"]), undefined, "and nothing is made of nothing");
});

Deno.test("patch: an answer from before the event does not undo it; one from behind it stands", async () => {
  using page = new Page();
  await page.start();
  page.look("task", "t1");
  await page.event("task.progress-updated", progress(40));
  await page.answer({ id: "t1", progress: 10 });
  assert.deepEqual(page.task(), { id: "t1", progress: 40 });
  void page.queries.refetchQueries({ queryKey: ["task", "t1"] });
  await page.event("task.progress-updated", progress(50));
  assert.equal(page.task()?.progress, 50, "at once");
  await page.answer({ id: "t1", progress: 60 });
  assert.deepEqual(page.task(), { id: "t1", progress: 60 });
  assert.equal(page.keys.length, 2);
});

Deno.test("patch without isNewer: what was fetched meanwhile is fetched again", async () => {
  using page = new Page();
  await page.start();
  page.look("novel", "n1");
  await page.event("content.updated", { contentId: "n1" });
  await page.answer("old");
  await page.transport.pass(250);
  assert.deepEqual(page.keys, ["novel n1", "novel n1"]);
  await page.answer("new");
  await page.event("content.updated", { contentId: "n1" });
  assert.equal(page.queries.getQueryData(["novel", "n1"]), "new!");
});

Deno.test("patch: data that was invalid before stays so", async () => {
  using page = new Page();
  await page.start();
  page.queries.setQueryData(["task", "t1"], { id: "t1", progress: 0 });
  await page.event("task.status-changed", status);
  await page.event("task.progress-updated", progress(9));
  assert.deepEqual([page.task()?.progress, page.queries.getQueryState(["task", "t1"])?.isInvalidated], [9, true]);
});

const gap = { source: "jobs", partition: 0, from: "1", to: "2", reason: "trimmed", lost: 2, resync: true };

Deno.test("a gap: touches every query, or what the page says, within the jitter", async () => {
  for (const touched of [undefined, () => [["tasks"]]]) {
    using page = new Page();
    await page.start(touched === undefined ? {} : { touched });
    page.look("task", "t1");
    page.look("tasks");
    for (const fetch of page.fetches) fetch.answer([]);
    await page.transport.pass();
    page.transport.last.push({ event: "stream.gap-detected", data: JSON.stringify(gap) });
    await page.transport.pass(2_000);
    assert.deepEqual(page.keys.slice(2), touched === undefined ? ["task t1", "tasks"] : ["tasks"]);
  }
});

Deno.test("when it is ended, what was pending is marked invalid and not fetched, a gap's too", async () => {
  using page = new Page();
  const stop = await page.start({ windowMs: 1_000, touched: () => [["novels"]] });
  for (const key of ["tasks", "novels", "other"]) page.look(key);
  for (const fetch of page.fetches) fetch.answer([]);
  await page.transport.pass();
  // The first is fetched at once; the second waits for the end of the window, the gap for its moment.
  for (let n = 0; n < 2; n++) {
    await page.event("task.status-changed", status);
    await page.answer([]);
  }
  page.transport.last.push({ event: "stream.gap-detected", data: JSON.stringify(gap) });
  await page.transport.pass();
  const before = page.keys;
  stop();
  await page.transport.pass(10_000);
  assert.deepEqual(page.keys, before);
  assert.deepEqual(["tasks", "novels", "other"].map((key) => page.isInvalid(key)), [true, true, false]);
  page.look("novels");
  assert.equal(page.keys.at(-1), "novels", "fetched when somebody looks at it again");
});

Deno.test("when it is ended, an answer from before a pending change is invalid", async () => {
  for (const data of [undefined, "old"]) {
    using page = new Page();
    const stop = await page.start();
    page.queries.setQueryData(["tasks"], data);
    page.look("tasks");
    // With data the first begins a fetch at the end of its window, and the second waits for the end of the next.
    await page.event("task.status-changed", status);
    await page.transport.pass(250);
    await page.event("task.status-changed", status);
    stop();
    await page.answer("from before");
    await page.transport.pass(10_000);
    assert.deepEqual([page.keys, page.isInvalid("tasks")], [["tasks"], true]);
    assert.equal(page.queries.getQueryCache().hasListeners(), false, "nothing is left of it");
  }
});

Deno.test("useSyncedQueries and useFallbackInterval: in step while mounted, polling while the stream is lost", async () => {
  using page = new Page();
  const wrapper = ({ children }: { children?: ReactNode }) => (
    <QueryClientProvider client={page.queries}>
      <SSEProvider client={page.client}>{children}</SSEProvider>
    </QueryClientProvider>
  );
  page.queries.setQueryData(["task", "t1"], { id: "t1", progress: 0 });
  const { result, unmount } = renderHook(() => {
    useSyncedQueries(RULES);
    return useFallbackInterval(3_000);
  }, { wrapper });
  await act(() => page.transport.pass());
  assert.equal(result.current, false);
  await act(() => page.transport.pass(5_000));
  assert.equal(result.current, 3_000, "the first attempt hangs");
  page.transport.last.opened();
  await act(() => page.event("task.progress-updated", progress(1)));
  assert.deepEqual([page.task()?.progress, result.current], [1, false]);
  page.transport.last.push("end");
  for (let second = 0; second < 8; second++) {
    await act(() => page.transport.pass(1_000));
    if (!page.transport.last.isAborted) page.transport.last.push(new Error("gone"));
  }
  assert.equal(result.current, 3_000);
  await act(() => page.transport.pass(20_000));
  page.transport.last.opened();
  await act(() => page.transport.pass());
  assert.equal(result.current, false);
  const { last } = page.transport;
  unmount();
  last.event("s:0:9~z", progress(2));
  await page.transport.pass();
  assert.equal(page.task()?.progress, 1);
});
