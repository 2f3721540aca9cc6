import { awaitEpochs } from "../replay/await_epochs.ts";
import type { Journal } from "../replay/journal.ts";
import { replay, type ReplayContext, type ReplayTarget } from "../replay/replay.ts";
import { type ResumePoint, resumePoint } from "../replay/resume_point.ts";
import type { ReplayOrigin } from "../wire/control_events.ts";
import { CursorWriter, parseCursor } from "../wire/cursor.ts";

/** Where a reader begins. */
export type StreamStart =
  | { readonly kind: "live" }
  /** Live, but the client must be told that what it asked for cannot be had. */
  | { readonly kind: "unusable" }
  | PastStart;

/** A beginning behind the head. */
export type PastStart =
  | { readonly kind: "resume"; readonly point: ResumePoint }
  /** The cursor is of another incarnation of a log than this node follows: an older one, or one it has yet to meet. */
  | { readonly kind: "other-epoch"; readonly cursor: string };

/** What a beginning is looked up in. */
export interface StartContext {
  readonly replay: ReplayContext;
  readonly allowEarliest: boolean;
}

/** Reads the text that a client came with: a cursor, a reserved word, or nothing. */
export function streamStart(
  { replay: { journal }, allowEarliest }: StartContext,
  cursor: string | undefined,
): StreamStart {
  if (cursor === undefined || cursor === "" || cursor === "now") return { kind: "live" };
  if (cursor === "earliest") return allowEarliest ? { kind: "resume", point: earliest(journal) } : { kind: "unusable" };
  const parsed = parseCursor(cursor, journal.positions.sources);
  if (parsed.kind === "invalid") return { kind: "unusable" };
  if (parsed.sources.some(({ kind }) => kind === "other-epoch")) return { kind: "other-epoch", cursor };
  return { kind: "resume", point: resumePoint(parsed.sources, journal.positions) };
}

/** Tells the target what its cursor could not cover, and replays up to the head; see {@link replay}. */
export async function replayFrom(
  context: ReplayContext,
  target: ReplayTarget,
  start: PastStart,
  onHead: (replayed: number, origin: ReplayOrigin) => void,
  signal: AbortSignal,
): Promise<void> {
  const { at, gaps } = start.kind === "resume" ? start.point : await pointAcrossEpochs(context, start.cursor, signal);
  for (const gap of gaps) target.announce(gap, gap === gaps.at(-1) ? new CursorWriter(at).text() : undefined);
  await replay(context, target, at, onHead, signal);
}

/** As far back as this node remembers. */
function earliest(journal: Journal): ResumePoint {
  const at = journal.positions.clone();
  for (const [sourceIndex, source] of at.sources.entries()) {
    for (const partition of source.next.keys()) {
      at.set(sourceIndex, partition, journal.floor(sourceIndex, partition) ?? 0n);
    }
  }
  return { at, gaps: [] };
}

async function pointAcrossEpochs(context: ReplayContext, cursor: string, signal: AbortSignal): Promise<ResumePoint> {
  const { positions } = context.journal;
  const said = () => {
    const parsed = parseCursor(cursor, positions.sources);
    return parsed.kind === "cursor" ? parsed.sources : [];
  };
  await awaitEpochs(context, said(), signal);
  return resumePoint(said(), positions);
}
