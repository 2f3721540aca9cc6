import type { Broadcaster } from "../broadcast/broadcaster.ts";
import type { FollowEvent, LogBounds } from "../bus/event_bus.ts";
import type { BusRecord } from "../model/bus_record.ts";
import type { HistoryChain } from "../history/history_chain.ts";
import type { GapReason } from "../model/gap.ts";
import type { Offset } from "../model/position.ts";
import type { DeadLetterReason, MappingOutcome } from "../pipeline/mapping_outcome.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Journal } from "../replay/journal.ts";
import type { Frame } from "../wire/frame.ts";

/** What happens on the way in, for metrics, logs, dead letters and readiness. */
export interface IngestObserver {
  mapped(): void;
  /** In the turn in which the broadcaster took them; left out where nobody watches. */
  readonly broadcast?: (frames: readonly Frame[]) => void;
  dropped(by: string): void;
  deadLetter(partition: number, record: BusRecord, reason: DeadLetterReason, detail: string): void;
  gap(reason: GapReason): void;
  stateChanged(state: "up" | "down", detail: string): void;
}

/** What one source's way in works with. */
export interface IngestContext {
  readonly source: string;
  readonly sourceIndex: number;
  readonly pipeline: Pipeline;
  readonly journal: Journal;
  readonly broadcaster: Broadcaster;
  /** Keeps what was made, for replays; none for a source that keeps it itself. */
  readonly history?: HistoryChain | undefined;
  /** Lets go of what replays have read of a partition; none where nothing replays. */
  readonly forgetPast?: (partition: number) => void;
  readonly observer: IngestObserver;
}

/** Records that are taken in one turn of the event loop: streams and requests get theirs in between. */
const RECORDS_A_TURN = 256;

/**
 * How an event gets in: record → messages → frames → cohorts. Give it to a bus's `follow` as the sink.
 *
 * Nothing in here waits for a reader. Between two turns it lets the loop run; the bus waits with it.
 */
export function ingest(context: IngestContext): (event: FollowEvent) => Promise<void> | void {
  return (event) => {
    switch (event.kind) {
      case "records":
        return takeRecords(context, event.partition, event.records, event.next);
      case "gap":
        return announceGap(context, event);
      case "partitions-added":
        return addPartitions(context, event.partitions);
      case "epoch-changed":
        return enterEpoch(context, event.bounds);
      case "state":
        return context.observer.stateChanged(event.state, event.detail);
    }
  };
}

async function takeRecords(
  context: IngestContext,
  partition: number,
  records: readonly BusRecord[],
  next: Offset,
): Promise<void> {
  for (let start = 0; start < records.length; start += RECORDS_A_TURN) {
    if (start > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    const turn = records.slice(start, start + RECORDS_A_TURN);
    const outcomes = context.pipeline.mapBatch(context.source, partition, turn);
    for (const [index, record] of turn.entries()) takeOutcome(context, partition, record, outcomes[index]);
  }
  context.journal.advance(context.sourceIndex, partition, next);
  context.history?.advance(partition, next);
}

function takeOutcome(
  context: IngestContext,
  partition: number,
  record: BusRecord,
  outcome: MappingOutcome | undefined,
): void {
  const { observer } = context;
  switch (outcome?.kind) {
    case "messages":
      return publish(context, partition, record, outcome.messages);
    case "dropped":
      return observer.dropped(outcome.by);
    case "dead-letter":
      return observer.deadLetter(partition, record, outcome.reason, outcome.detail);
  }
}

function publish(
  context: IngestContext,
  partition: number,
  record: BusRecord,
  messages: Extract<MappingOutcome, { kind: "messages" }>["messages"],
): void {
  const { journal, broadcaster, history, observer, sourceIndex } = context;
  try {
    // No await between append and broadcast: whoever joins sees the event in the journal or live, never in neither or both.
    const { frames, oversizeCount } = journal.append(
      sourceIndex,
      partition,
      record.offset,
      messages,
      performance.now(),
    );
    broadcaster.publish(frames);
    observer.broadcast?.(frames);
    history?.append(partition, record.offset, record.timestampMs, frames);
    observer.mapped();
    if (oversizeCount > 0) observer.deadLetter(partition, record, "too-large", `${oversizeCount} frames`);
  } catch (error) {
    // A message that cannot be a frame is withheld; the records behind it go on.
    observer.deadLetter(partition, record, "internal-error", error instanceof Error ? error.message : "unknown");
  }
}

function announceGap(context: IngestContext, gap: Extract<FollowEvent, { kind: "gap" }>): void {
  const { source, journal, broadcaster, observer, sourceIndex } = context;
  const { partition, from, next, reason, lost } = gap;
  observer.gap(reason);
  const announced = { source, partition, from, next, reason, lost, resync: true };
  const frames = [journal.announce(sourceIndex, announced, performance.now())];
  broadcaster.publish(frames);
  observer.broadcast?.(frames);
  context.history?.skip(partition, next);
  context.forgetPast?.(partition);
}

/** In their order, for a position list has no holes. What a new one lost before it was first read is told: nobody had it. */
function addPartitions(context: IngestContext, partitions: LogBounds["partitions"]): void {
  for (const [partition, { first }] of [...partitions].sort(([one], [other]) => one - other)) {
    context.journal.addPartition(context.sourceIndex, partition, first);
    context.history?.addPartition(partition, first);
    if (first > 0n) {
      announceGap(context, { kind: "gap", partition, from: 0n, next: first, reason: "retention", lost: null });
    }
  }
}

/** Every position in the old log is void, and every connected client is told so, partition by partition. */
function enterEpoch(context: IngestContext, { epoch, partitions }: LogBounds): void {
  const firsts = [...partitions].sort(([one], [other]) => one - other).map(([, { first }]) => first);
  for (const _ of firsts) context.observer.gap("epoch");
  const frames = [context.journal.restart(context.sourceIndex, epoch, firsts)];
  context.broadcaster.publish(frames);
  context.observer.broadcast?.(frames);
  context.history?.restart({ epoch, next: firsts });
}
