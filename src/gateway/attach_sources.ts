import { reasonOf } from "../log/reason_of.ts";
import { getLogger } from "@logtape/logtape";
import type { EventBus, LogBounds } from "../bus/event_bus.ts";
import { runStart } from "../history/history_chain.ts";
import { PositionVector, type SourcePositions } from "../model/position_vector.ts";
import { indistinctSources, MAX_CURSOR_LENGTH, widestCursor } from "../wire/cursor.ts";
import { backOff } from "./back_off.ts";

const log = getLogger(["tidegate", "gateway"]);

/** A bus and its log's bounds when it was attached. */
export interface AttachedSource {
  readonly bus: EventBus;
  readonly bounds: LogBounds;
  /** When it was asked for them: milliseconds since 1970. */
  readonly askedAtMs: number;
}

/**
 * Asks every bus for its bounds, as long as it takes: a source that is away at start is waited for, because a cursor that
 * does not name it could not be resumed. Resolves with `undefined` when the signal ends the wait.
 *
 * @param warmRecords how many of the newest records, over all partitions, the journal is warmed with
 * @throws RangeError when so many partitions would make cursors that no client can send back
 */
export async function attachSources(
  buses: readonly EventBus[],
  warmRecords: number,
  signal: AbortSignal,
): Promise<readonly AttachedSource[] | undefined> {
  const share = warmRecords / Math.max(1, buses.length);
  const attached = await Promise.all(buses.map((bus) => attach(bus, share, signal)));
  const sources = attached.filter((source) => source !== undefined);
  if (sources.length < attached.length) return undefined;
  refuseIndistinctSources(sources);
  refuseWideCursor(sources);
  return sources;
}

/** Where following begins: the tail of every partition, and where the history's run begins that it lies in. */
export function startPositions(
  sources: readonly { readonly bus: Pick<EventBus, "source" | "offsetFormat">; readonly bounds: LogBounds }[],
): PositionVector {
  return new PositionVector(sources.map(({ bus, bounds }): SourcePositions => ({
    source: bus.source,
    format: bus.offsetFormat,
    epoch: bounds.epoch,
    next: inOrder(bounds).map(({ first, tail }) => {
      const start = bus.offsetFormat === "integer" ? runStart(tail) : tail;
      return start > first ? start : first;
    }),
  })));
}

/** The partitions' bounds by partition number. */
export function inOrder({ partitions }: LogBounds): readonly { first: bigint; tail: bigint; next: bigint }[] {
  return [...partitions].sort(([one], [other]) => one - other).map(([, bounds]) => bounds);
}

async function attach(bus: EventBus, warmRecords: number, signal: AbortSignal): Promise<AttachedSource | undefined> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const { partitions } = await bus.bounds();
      const askedAtMs = Date.now();
      return { bus, askedAtMs, bounds: await bus.bounds(Math.ceil(warmRecords / Math.max(1, partitions.size))) };
    } catch (error) {
      if (attempt === 0) {
        log.warn("Waiting for source {source}: {reason}", { source: bus.source, reason: reasonOf(error) });
      }
      await backOff(attempt, signal);
    }
  }
  return undefined;
}

function refuseIndistinctSources(sources: readonly AttachedSource[]): void {
  const alike = indistinctSources(sources.map(({ bus }) => bus.source));
  if (alike === undefined) return;
  throw new RangeError(
    `Cannot follow "${alike[0]}" and "${alike[1]}": their names look alike in a cursor. Rename one.`,
  );
}

function refuseWideCursor(sources: readonly AttachedSource[]): void {
  const shapes = sources.map(({ bus, bounds }) => ({
    source: bus.source,
    format: bus.offsetFormat,
    partitions: bounds.partitions.size,
  }));
  const width = widestCursor(shapes);
  if (width <= MAX_CURSOR_LENGTH) return;
  const partitions = shapes.reduce((sum, shape) => sum + shape.partitions, 0);
  throw new RangeError(
    `Cannot follow ${partitions} partitions: a cursor would take up to ${width} characters, more than the ` +
      `${MAX_CURSOR_LENGTH} that a client can send back. Follow fewer topics, or spread them over several gateways.`,
  );
}
