import type { EventBus, LogBounds } from "../bus/event_bus.ts";
import { entryOfOffset, formatOffset } from "../model/position.ts";
import type { PositionVector } from "../model/position_vector.ts";

/** How far this node is behind one source's log; plain JSON. */
export interface SourceLag {
  readonly source: string;
  /** Offsets that are not read yet: at least as many as there are records. `null` where offsets say nothing of it, or cannot be asked. */
  readonly records: number | null;
  /** For entry IDs, which hold a time: how much older the newest read entry is than the log's newest. */
  readonly ms: number | null;
  readonly partitions: readonly {
    readonly partition: number;
    /** The first offset that this node has not read. */
    readonly next: string;
    /** The log's first and its end; `null` when it cannot be asked. */
    readonly first: string | null;
    readonly end: string | null;
  }[];
}

/** Several consoles ask each second; a broker shall be asked once. */
const KEEP_MS = 2_000;
const TIMEOUT_MS = 2_000;

/** Asks the sources how far their logs go, at most every 2 s, and never waits longer than that for an answer. */
export class SourceLags {
  readonly #buses: ReadonlyMap<string, EventBus>;
  readonly #positions: () => PositionVector | undefined;
  #asked: { readonly atMs: number; readonly bounds: Promise<ReadonlyMap<string, LogBounds | undefined>> } | undefined;

  /** @param positions how far this node has read; `undefined` until the sources are attached */
  constructor(buses: ReadonlyMap<string, EventBus>, positions: () => PositionVector | undefined) {
    this.#buses = buses;
    this.#positions = positions;
  }

  async read(): Promise<readonly SourceLag[]> {
    const bounds = await this.#bounds();
    // Looked at behind the wait, so that a node that reads on meanwhile is not shown further behind than it is.
    return (this.#positions()?.sources ?? []).map((at) => lagOf(at, bounds.get(at.source)));
  }

  #bounds(): Promise<ReadonlyMap<string, LogBounds | undefined>> {
    const nowMs = performance.now();
    if (this.#asked === undefined || nowMs - this.#asked.atMs > KEEP_MS) {
      this.#asked = { atMs: nowMs, bounds: this.#askAll() };
    }
    return this.#asked.bounds;
  }

  async #askAll(): Promise<ReadonlyMap<string, LogBounds | undefined>> {
    const sources = this.#positions()?.sources ?? [];
    const asked = sources.map(async ({ source }): Promise<[string, LogBounds | undefined]> => {
      const bus = this.#buses.get(source);
      return [source, bus === undefined ? undefined : await inTime(bus.bounds().catch(() => undefined))];
    });
    return new Map(await Promise.all(asked));
  }
}

async function inTime<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), TIMEOUT_MS));
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function lagOf(at: PositionVector["sources"][number], bounds: LogBounds | undefined): SourceLag {
  const { source, format } = at;
  let behind = 0n;
  let behindMs = 0;
  for (const [partition, next] of at.next.entries()) {
    const end = bounds?.partitions.get(partition)?.next ?? next;
    if (end <= next) continue;
    behind += end - next;
    behindMs = Math.max(behindMs, Number(entryOfOffset(end).milliseconds - entryOfOffset(next).milliseconds));
  }
  const isKnown = bounds !== undefined;
  return {
    source,
    records: isKnown && format === "integer" ? Number(behind) : null,
    ms: isKnown && format === "ms-seq" ? behindMs : null,
    partitions: at.next.map((next, partition) => {
      const known = bounds?.partitions.get(partition);
      return {
        partition,
        next: formatOffset(next, format),
        first: known === undefined ? null : formatOffset(known.first, format),
        end: known === undefined ? null : formatOffset(known.next, format),
      };
    }),
  };
}
