import type { Query, QueryClient, QueryKey } from "@tanstack/react-query";
import type { EventMap } from "../core/event_map.ts";
import type { SSEClient } from "../core/sse_client.ts";
import type { SSEEvent, SSEGap } from "../core/sse_event.ts";

/** What an event means for queries whose key begins so. */
export type QueryChange =
  /** Their data is out of date: fetched anew when somebody looks at it. */
  | { readonly invalidate: QueryKey }
  | {
    readonly patch: QueryKey;
    /** Makes the new data; not called where there is none yet. `undefined` leaves it. */
    // deno-lint-ignore no-explicit-any -- what a cache holds only its owner knows
    readonly update: (data: any) => unknown;
    /** Whether the event is newer than the data, by something that only grows. Without it, what is fetched meanwhile is fetched again. */
    // deno-lint-ignore no-explicit-any -- as above
    readonly isNewer?: (data: any) => boolean;
  };

/** By event: what it changes, if anything. */
export type QueryRules = {
  readonly [Name in keyof EventMap]?: (
    event: SSEEvent<EventMap[Name]>,
  ) => QueryChange | readonly QueryChange[] | undefined;
};

/** How {@link syncQueries} goes about it. */
export interface SyncOptions {
  /** Window in which invalidations are gathered, in milliseconds. The first goes at once, the rest at its end. Default 250. */
  readonly windowMs?: number;
  /**
   * What a gap touches. Default: every query. Also asked when a stream opens with no cursor to go on from, with the reason
   * `opened` and no source: what changed between a query's fetch and the opening is in no event.
   */
  readonly touched?: (gap: SSEGap) => readonly QueryKey[];
  /** Longest wait after a gap, in milliseconds; drawn at random, for others have it at the same moment. Default 2,000. */
  readonly gapJitterMs?: number;
}

/** What is unknown when a stream opens with no cursor to go on from. */
const OPENED: SSEGap = {
  source: null,
  partition: null,
  from: null,
  to: null,
  reason: "opened",
  lost: null,
  resync: true,
};

/**
 * Keeps the queries in step with the client's events. Once, before the client opens and for as long as the cache is used:
 * what happens while nothing listens is in no query. Returns what ends that; what was still to be fetched is left invalid.
 */
export function syncQueries(
  client: SSEClient,
  queries: QueryClient,
  rules: QueryRules,
  { windowMs = 250, touched = () => [[]], gapJitterMs = 2_000 }: SyncOptions = {},
): () => void {
  const changes = new QueryChanges(queries, windowMs);
  const stops = Object.entries(rules).map(([name, rule]) =>
    client.on(name as keyof EventMap, (event) => {
      // The rule of a name takes the event of that name.
      const made = (rule as (event: SSEEvent) => QueryChange | readonly QueryChange[] | undefined)(event) ?? [];
      for (const change of [made].flat()) changes.make(change);
    })
  );
  const takeGap = (gap: SSEGap) => {
    for (const key of touched(gap)) changes.make({ invalidate: key });
  };
  stops.push(
    client.onGap((gap) => changes.later(Math.random() * gapJitterMs, () => takeGap(gap))),
    client.onControl(({ name }) => {
      // Still those of the attempt. Not `resumed`: of a stream that is shared, it says whether its leader's cursor was taken up.
      const { attempt, lastEventId } = client.getSnapshot();
      // Behind a cursor all is told, or a gap; and a stream that takes another's place in one attempt goes on from it.
      if (name === "stream.opened" && attempt > 0 && !lastEventId) takeGap(OPENED);
    }),
    () => changes.end(),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** Makes changes in a query cache whose fetches take their time. */
class QueryChanges {
  readonly #queries: QueryClient;
  readonly #windowMs: number;
  /** Keys to invalidate when the window is over, by their text. */
  readonly #pending = new Map<string, QueryKey>();
  /** What is to be done with a query once its fetch is over. */
  readonly #settling = new Map<Query, (() => void)[]>();
  /** What is to be done later, by its timer. */
  readonly #timers = new Map<ReturnType<typeof setTimeout>, () => void>();
  readonly #unsubscribe: () => void;
  #isWindow = false;
  #hasEnded = false;

  constructor(queries: QueryClient, windowMs: number) {
    this.#queries = queries;
    this.#windowMs = windowMs;
    this.#unsubscribe = queries.getQueryCache().subscribe(({ query, type }) => {
      const waiting = this.#settling.get(query);
      const isRemoved = type === "removed";
      if (!waiting || !isRemoved && query.state.fetchStatus !== "idle") return;
      this.#settling.delete(query);
      if (!isRemoved) { for (const run of waiting) run(); }
      this.#rest();
    });
  }

  make(change: QueryChange): void {
    if ("invalidate" in change) this.#invalidate(change.invalidate);
    else {for (const query of this.#queries.getQueryCache().findAll({ queryKey: change.patch })) {
        this.#patch(query, change);
      }}
  }

  later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.set(timer, run);
  }

  /** Nothing is fetched from here on: what was to be is marked invalid instead, also what a fetch under way brings. */
  end(): void {
    this.#hasEnded = true;
    for (const [timer, run] of this.#timers) {
      clearTimeout(timer);
      run();
    }
    this.#rest();
  }

  #rest(): void {
    if (this.#hasEnded && this.#settling.size === 0) this.#unsubscribe();
  }

  #invalidate(key: QueryKey): void {
    this.#pending.set(JSON.stringify(key), key);
    if (!this.#isWindow) this.#flush();
  }

  #flush(): void {
    this.#isWindow = !this.#hasEnded && this.#pending.size > 0;
    for (const queryKey of this.#pending.values()) {
      for (const query of this.#queries.getQueryCache().findAll({ queryKey, fetchStatus: "fetching" })) {
        // A first fetch, and one that nobody looks at, is not begun anew: it would end as fresh with an answer from before.
        const goesOn = this.#hasEnded || query.state.data === undefined || !query.isActive();
        if (goesOn) this.#afterFetch(query, () => this.#invalidate(query.queryKey));
      }
      void this.#queries.invalidateQueries({ queryKey, refetchType: this.#hasEnded ? "none" : "active" });
    }
    this.#pending.clear();
    if (this.#isWindow) this.later(this.#windowMs, () => this.#flush());
  }

  #patch(query: Query, change: Extract<QueryChange, { patch: QueryKey }>): void {
    const { queryKey, state: { data, dataUpdatedAt: updatedAt, isInvalidated, fetchStatus } } = query;
    if (fetchStatus !== "idle") {
      // Its answer may be from before the event. Only a comparison can tell.
      this.#afterFetch(query, () => change.isNewer ? this.#patch(query, change) : this.#invalidate(queryKey));
    }
    if (data === undefined || change.isNewer?.(data) === false) return;
    // Neither fresher than it was, nor valid when it was not.
    this.#queries.setQueryData(queryKey, change.update(data), { updatedAt });
    if (isInvalidated) query.invalidate();
  }

  #afterFetch(query: Query, run: () => void): void {
    this.#settling.set(query, [...this.#settling.get(query) ?? [], run]);
  }
}
