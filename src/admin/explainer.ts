import type { ShutOut } from "../access/shut_out.ts";
import type { BusRecord } from "../model/bus_record.ts";
import type { EventBus } from "../bus/event_bus.ts";
import { eventNamesOf, type MappingRule } from "../config/mapping_rule_schema.ts";
import { GAP_REASONS } from "../model/gap.ts";
import { formatOffset, type Offset, parseOffset } from "../model/position.ts";
import type { Scope } from "../model/scope.ts";
import type { SSEMessage } from "../model/sse_message.ts";
import { DEAD_LETTER_REASONS, type MappingOutcome } from "../pipeline/mapping_outcome.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Journal } from "../replay/journal.ts";
import type { ConnectionDirectory } from "./connection_directory.ts";
import { type ExplainedEvent, explainStreams, quoted } from "./explain_streams.ts";
import type { Explanation, ExplanationStep, Verdict } from "./explanation.ts";
import { readOneRecord } from "./read_one_record.ts";

/** What the explanations are drawn from. */
export interface ExplainerInit {
  readonly buses: ReadonlyMap<string, EventBus>;
  readonly pipeline: Pipeline;
  readonly rules: readonly MappingRule[];
  readonly maxFrameBytes: number;
  readonly directory: ConnectionDirectory;
  readonly shutOut: ShutOut;
  /** `undefined` until the sources are attached. */
  readonly journal: () => Journal | undefined;
}

/** An event by its identity. */
export interface IdentityQuery {
  readonly source: string;
  readonly partition: number;
  /** As the source writes it. */
  readonly offset: string;
  readonly subject: string | undefined;
}

/** Any event of a name, in a scope, that may come. */
export interface KindQuery {
  readonly event: string;
  readonly scope: Scope;
  readonly subject: string | undefined;
}

/** Tells why somebody gets an event or not, by taking it the same way once more: log, mapping, streams. */
export class Explainer {
  readonly #init: ExplainerInit;

  constructor(init: ExplainerInit) {
    this.#init = init;
  }

  /** Reads the record from its log and maps it anew. Never rejects for what the log or the record holds. */
  async ofIdentity(query: IdentityQuery): Promise<Explanation> {
    const steps: ExplanationStep[] = [];
    const place = this.#placeOf(query, steps);
    if (place === undefined) return explanation("not-found", steps);
    const { bus, partition, offset } = place;
    if (this.#isUnread(place)) {
      steps.push({ ok: false, text: "This node has not read so far" });
      return explanation("not-read-yet", steps);
    }
    steps.push({ ok: true, text: "This node has read past it" });
    const read = await readOneRecord(bus, partition, offset);
    switch (read.kind) {
      case "failed":
        steps.push({ ok: null, text: `The source cannot be read: ${read.reason}` });
        return explanation("unreadable", steps);
      case "gap":
        steps.push({ ok: false, text: `The log no longer has it: ${GAP_REASONS[read.reason]}` });
        return explanation("gone", steps);
      case "hole":
        steps.push({ ok: false, text: "No record has this offset; logs have such holes, and nothing is lost there" });
        return explanation("not-found", steps);
      case "record":
        return this.#ofRecord(place, read.record, query.subject, steps);
    }
  }

  /** What would become of such an event. */
  ofKind({ event, scope, subject }: KindQuery): Explanation {
    const makers = this.#init.rules.filter((rule) => eventNamesOf(rule).includes(event));
    const steps: ExplanationStep[] = [
      makers.length > 0
        ? { ok: true, text: `Rules that make it: ${quoted(makers.map(({ name }) => name))}` }
        : { ok: null, text: "No rule makes it; a backend may publish it" },
    ];
    const kind = { event, scope, audience: [], isLowPriority: false, writtenAtMs: undefined };
    return this.#toSubject([kind], subject, steps);
  }

  #placeOf({ source, partition, offset }: IdentityQuery, steps: ExplanationStep[]): Place | undefined {
    const positions = this.#init.journal()?.positions;
    const sourceIndex = positions?.sources.findIndex((each) => each.source === source) ?? -1;
    const bus = this.#init.buses.get(source);
    if (sourceIndex < 0 || bus === undefined) {
      steps.push({ ok: false, text: `No source of the name ${JSON.stringify(source)} is followed here` });
      return undefined;
    }
    const parsed = parseOffset(offset, bus.offsetFormat);
    if (parsed === undefined) {
      steps.push({ ok: false, text: `${JSON.stringify(offset)} is no offset of ${source}` });
      return undefined;
    }
    if (positions?.next(sourceIndex, partition) === undefined) {
      steps.push({ ok: false, text: `${source} has no partition ${partition}` });
      return undefined;
    }
    return { bus, sourceIndex, partition, offset: parsed };
  }

  #isUnread({ sourceIndex, partition, offset }: Place): boolean {
    return (this.#init.journal()?.positions.next(sourceIndex, partition) ?? 0n) <= offset;
  }

  #ofRecord(
    place: Place,
    record: BusRecord,
    subject: string | undefined,
    steps: ExplanationStep[],
  ): Explanation {
    const { bus, sourceIndex, partition, offset } = place;
    const floor = this.#init.journal()?.floor(sourceIndex, partition) ?? 0n;
    const text = formatOffset(offset, bus.offsetFormat);
    steps.push(
      offset >= floor
        ? {
          ok: true,
          text: `${bus.source}:${partition}:${text} is in this node's memory; a reconnect is served from there`,
        }
        : { ok: true, text: "It has left this node's memory; a reconnect reads it again from the log" },
    );
    const outcome = this.#init.pipeline.mapRecord(bus.source, record, partition);
    const withheld = withheldBy(outcome);
    if (outcome.kind !== "messages" || withheld !== undefined) {
      steps.push({ ok: false, text: withheld ?? "" });
      return explanation("withheld", steps);
    }
    steps.push({
      ok: true,
      text: `Mapped by ${outcome.rule === "published" ? "its publisher" : `rule ${outcome.rule}`}`,
    });
    const sent = outcome.messages.filter((message) => this.#fits(message));
    if (sent.length < outcome.messages.length) {
      const text = `Larger than streams.maxFrameBytes (${this.#init.maxFrameBytes} bytes), withheld from everyone`;
      steps.push({ ok: false, text });
    }
    if (sent.length === 0) return explanation("withheld", steps);
    return this.#toSubject(sent.map((message) => explained(message, record)), subject, steps);
  }

  #fits(message: SSEMessage): boolean {
    return encoder.encode(message.toSSEFormat()).length <= this.#init.maxFrameBytes;
  }

  #toSubject(
    events: readonly ExplainedEvent[],
    subject: string | undefined,
    steps: ExplanationStep[],
  ): Explanation {
    const scopes = quoted(events.map(({ scope }) => scope));
    const audience = events[0]?.audience ?? [];
    const also = audience.length === 0 ? "" : `, to those who also hold ${quoted(audience)}`;
    steps.push({ ok: true, text: `Event ${quoted(events.map(({ event }) => event))} goes to scope ${scopes}${also}` });
    const { directory, shutOut } = this.#init;
    if (subject === undefined) {
      const readers = [...directory.open()].filter((connection) => explainStreams(events, [connection], []).takes);
      steps.push({ ok: readers.length > 0, text: `${readers.length} open streams of this node take it` });
      return explanation("matches", steps);
    }
    for (const [list, word] of [[shutOut.revocations, "revoked"], [shutOut.bans, "banned"]] as const) {
      for (const { target, terms } of list.list()) {
        if (target.kind !== "subject" || target.id !== subject) continue;
        const until = new Date(terms.untilMs).toISOString();
        steps.push({ ok: false, text: `The subject is ${word} until ${until}: its streams are closed and refused` });
      }
    }
    const open = [...directory.open()].filter(({ reader }) => reader.subject === subject);
    const streams = explainStreams(events, open, directory.endedOf(subject));
    steps.push(...streams.steps);
    return explanation(streams.takes ? "matches" : open.length === 0 ? "no-stream" : "not-for-them", steps);
  }
}

interface Place {
  readonly bus: EventBus;
  readonly sourceIndex: number;
  readonly partition: number;
  readonly offset: Offset;
}

const encoder = new TextEncoder();

function explained({ event, scope, audience, priority }: SSEMessage, { timestampMs }: BusRecord): ExplainedEvent {
  return { event, scope, audience, isLowPriority: priority === "low", writtenAtMs: timestampMs };
}

function withheldBy(outcome: MappingOutcome): string | undefined {
  switch (outcome.kind) {
    case "messages":
      return outcome.messages.length === 0 ? "The mapping made no message of it" : undefined;
    case "dropped":
      return `Dropped on purpose, by ${outcome.by}`;
    case "dead-letter":
      return `A dead letter, ${outcome.reason}: ${DEAD_LETTER_REASONS[outcome.reason]}`;
  }
}

const SUMMARIES: Readonly<Record<Verdict, string>> = {
  "not-found": "There is no such event.",
  "not-read-yet": "This node has not come so far.",
  "gone": "The log no longer has it, so nobody can say.",
  "unreadable": "Its source cannot be read at present.",
  "withheld": "Nobody gets it.",
  "not-for-them": "It is not for the streams of this subject.",
  "no-stream": "The subject has no open stream on this node.",
  "matches": "It goes out; below is to whom, and what may have come in between.",
};

function explanation(verdict: Verdict, steps: readonly ExplanationStep[]): Explanation {
  return { verdict, summary: SUMMARIES[verdict], steps };
}
