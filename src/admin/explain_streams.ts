import { eventMatches } from "../model/event_name.ts";
import { grantsAllow, type Scope } from "../model/scope.ts";
import type { Connection } from "../stream/connection.ts";
import type { ConnectionView } from "./connection_view.ts";
import type { ExplanationStep } from "./explanation.ts";

/** What a stream is held against. */
export interface ExplainedEvent {
  readonly event: string;
  readonly scope: Scope;
  readonly audience: readonly Scope[];
  readonly isLowPriority: boolean;
  /** When its record was written, milliseconds since 1970; `undefined` for an event that is yet to come. */
  readonly writtenAtMs: number | undefined;
}

/** More streams of one subject are counted only. */
const MAX_STREAMS = 10;
/** Ended streams that are told of. */
const MAX_ENDED = 3;

/** What the subject's streams make of an event: whether any takes it, and each one's reason. */
export function explainStreams(
  events: readonly ExplainedEvent[],
  open: readonly Connection[],
  ended: readonly ConnectionView[],
): { readonly takes: boolean; readonly steps: readonly ExplanationStep[] } {
  const steps: ExplanationStep[] = [];
  let takes = false;
  for (const connection of open.slice(0, MAX_STREAMS)) {
    const wanted = events.filter(({ scope }) => connection.scopes.includes(scope));
    const reasons = wanted.map((event) => refusalOf(connection, event));
    const taken = wanted.find((_, index) => reasons[index] === undefined);
    const name = `Stream ${connection.id.slice(0, 8)}`;
    if (taken !== undefined) {
      takes = true;
      steps.push({ ok: true, text: `${name} reads ${quoted([taken.scope])} and may have the event` });
      steps.push(...doubtsOf(connection, taken).map((text) => ({ ok: null, text: `${name}: ${text}` })));
      continue;
    }
    const why = reasons[0] ?? `it reads ${quoted(connection.scopes)}, not ${quoted(events.map(({ scope }) => scope))}`;
    steps.push({ ok: false, text: `${name} does not get it: ${why}` });
  }
  if (open.length > MAX_STREAMS) {
    steps.push({ ok: null, text: `${open.length - MAX_STREAMS} more streams of the subject were not looked at` });
  }
  if (open.length === 0) {
    steps.push({ ok: false, text: "The subject has no open stream on this node; other nodes know of theirs" });
    for (const { id, ended: end } of ended.slice(0, MAX_ENDED)) {
      steps.push({ ok: null, text: `Stream ${id.slice(0, 8)} ended at ${end?.at}: ${end?.reason}` });
    }
  }
  return { takes, steps };
}

/** Why a stream that reads the scope does not get the event; `undefined` when it does. */
function refusalOf(connection: Connection, { event, audience }: ExplainedEvent): string | undefined {
  const { reader, subscription: { patterns } } = connection;
  if (patterns.length > 0 && !patterns.some((pattern) => eventMatches(pattern, event))) {
    return `its event filter is ${quoted(patterns)}`;
  }
  const missing = audience.filter((scope) => !grantsAllow(reader.grants, scope));
  return missing.length === 0 ? undefined : `its token does not grant ${quoted(missing)}, which the audience asks for`;
}

function doubtsOf(connection: Connection, { isLowPriority, writtenAtMs }: ExplainedEvent): readonly string[] {
  const { tally, queuedFrames, openedAtMs } = connection;
  const doubts: string[] = [];
  if (writtenAtMs !== undefined && writtenAtMs < openedAtMs) {
    doubts.push(
      `it was opened at ${
        new Date(openedAtMs).toISOString()
      }, after the record was written: it has the event only if it came back with an older cursor`,
    );
  }
  if (isLowPriority && tally.shedFrames > 0) {
    doubts.push(`${tally.shedFrames} events of low priority were shed because it is slow; this may be one of them`);
  }
  if (queuedFrames > 0) doubts.push(`${queuedFrames} events still wait for it in its send queue`);
  return doubts;
}

/** Names as they may stand in a sentence: quoted, a few of them. */
export function quoted(names: readonly string[]): string {
  const shown = [...new Set(names)].slice(0, 5).map((name) => JSON.stringify(name)).join(", ");
  return names.length > 5 ? `${shown} and others` : shown;
}
