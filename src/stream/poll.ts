import type { Member } from "../broadcast/broadcaster.ts";
import type { CloseReason } from "../model/close_reason.ts";
import type { Gap } from "../model/gap.ts";
import type { OffsetFormat } from "../model/position.ts";
import type { Scope } from "../model/scope.ts";
import type { ReplayTarget } from "../replay/replay.ts";
import { gapDetected } from "../wire/control_events.ts";
import type { Frame } from "../wire/frame.ts";
import { encodePage, type Page } from "../wire/page.ts";
import { PollAnswer, type PollEnd } from "../wire/poll_answer.ts";
import type { Reader } from "./reader.ts";
import { accepts, mayRead } from "./entitled.ts";
import type { Subscription } from "./subscription.ts";

/** What a client asked of one poll. */
export interface PollWish {
  /** Milliseconds that it waits where there is nothing to tell. */
  readonly waitMs: number;
  /** Most events of the answer. */
  readonly maxEvents: number;
}

/** What a poll is made of. */
export interface PollInit extends PollWish {
  readonly reader: Reader;
  readonly subscription: Subscription;
  /** Bytes of events in the answer; the first event always fits. */
  readonly maxBytes: number;
  readonly formatOf: (source: string) => OffsetFormat;
  /** Whether the reader was not shut out meanwhile; asked in the moment in which something is told. */
  readonly mayStillRead: () => boolean;
  /** The cursor of the node's head. */
  readonly headCursor: () => string;
  /** Hands over what waits for its flush: the cursor of the head would be a lie without it. */
  readonly flush: () => void;
  /** Told once: from here on the poll takes nothing more. */
  readonly onEnd: () => void;
  /** Told once, after `onEnd`: the server has taken the answer, or nobody wants it. */
  readonly onGone: () => void;
}

/** How long what was missed may take to be read, in milliseconds: as long as the longest wait, so that a client needs one limit. */
const MAX_CATCH_UP_MS = 30_000;
/** How long a reader may take over an answer before it no longer counts, in milliseconds; its memory is the kernel's then. */
const MAX_TAKING_MS = 60_000;

/**
 * One long poll: a reader that takes one answer instead of a stream.
 *
 * It collects what a replay brings it, and where that is nothing it is a member of the live cohorts until the first
 * events, the end of its wait, its token or the node. Its answer's cursor covers what is in the answer, and no more.
 */
export class Poll implements Member, ReplayTarget {
  readonly id: string = crypto.randomUUID();
  readonly reader: Reader;
  readonly subscription: Subscription;
  /** The last journal number that its replay has covered. */
  joinedAfterSeq = 0;
  /** The answer's bytes, when they are known. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #init: PollInit;
  readonly #stop = new AbortController();
  readonly #answer = new PollAnswer();
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #takenFrames = 0;
  #takenBytes = 0;
  /** Frames were offered that did not fit. */
  #isCut = false;
  /** The cursor at which it began to wait. */
  #waitsFrom: string | undefined;
  #stopReason: CloseReason | undefined;
  #hasEnded = false;
  #isGone = false;
  #timer: ReturnType<typeof setTimeout>;

  constructor(init: PollInit) {
    this.#init = init;
    this.reader = init.reader;
    this.subscription = init.subscription;
    this.#timer = setTimeout(() => this.close("overloaded"), MAX_CATCH_UP_MS);
    this.body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => void (this.#controller = controller),
      // The server's first question comes before there is an answer; the one after it means that all of it was taken.
      pull: () => this.#hasEnded ? this.abandon() : undefined,
      cancel: () => this.#vanish(),
    }, { highWaterMark: 0 });
  }

  get scopes(): readonly Scope[] {
    return this.subscription.scopes;
  }

  /** Whether it takes nothing more: it has answered, or nobody wants the answer. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Aborted when its replay is to stop. */
  get stopSignal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Why its replay was stopped; `undefined` when nobody stopped it. */
  get stopReason(): CloseReason | undefined {
    return this.#stopReason;
  }

  get isEmpty(): boolean {
    return this.#answer.isEmpty;
  }

  /** Whether it takes no further frame. */
  get isFull(): boolean {
    return this.#isCut || this.#takenFrames >= this.#init.maxEvents || this.#takenBytes >= this.#init.maxBytes;
  }

  accepts(frame: Frame): boolean {
    return accepts(this.subscription, this.reader, frame);
  }

  mayRead(frame: Frame): boolean {
    return mayRead(this.reader, frame);
  }

  /** Takes live frames, and answers with them at once. */
  deliver(frames: readonly Frame[]): void {
    if (this.#hasEnded) return;
    this.offer(encodePage(frames, []));
    const { cursor } = this.#answer;
    // Rights that ended during the wait: what came is for a fresh token, so the cursor stays ahead of it.
    if (!this.isEntitled) this.#send(new PollAnswer(), { cursor: this.#waitsFrom ?? "", caughtUp: false });
    else if (cursor !== undefined) this.#send(this.#answer, { cursor, caughtUp: !this.#isCut });
  }

  offer({ chunk, ends }: Page): void {
    let start = 0;
    for (const end of ends) {
      const block = chunk.subarray(start, end);
      // What is left comes with the next poll: the last frame that fits carries the cursor ahead of it.
      if (this.#isCut || !this.#hasRoomFor(block)) return void (this.#isCut = true);
      this.#takenFrames++;
      this.#takenBytes += block.length;
      this.#answer.take(block);
      start = end;
    }
  }

  announce(gap: Gap, cursor: string | undefined): void {
    this.tell(gapDetected(gap, this.#init.formatOf(gap.source), cursor));
  }

  /** Takes a gap's block. Gaps are few and never refused. */
  tell(block: Uint8Array): void {
    if (!this.#isCut) this.#answer.take(block);
  }

  /** Rejects when the answer is full or the poll stopped, and so ends the replay. */
  room(): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.reject(this.#stop.signal.reason);
    return this.isFull ? Promise.reject(new DOMException("The answer is full", "AbortError")) : Promise.resolve();
  }

  /** Whether the token still lives and the reader was not shut out: nobody is told anything otherwise. */
  get isEntitled(): boolean {
    return Date.now() < this.reader.expiresAtMs && this.#init.mayStillRead();
  }

  /** Nothing was missed: from here on it waits. Call it in the turn in which it joins the live cohorts. */
  wait(): void {
    this.#waitsFrom = this.#init.headCursor();
    const tokenLeftMs = Math.max(0, this.reader.expiresAtMs - Date.now());
    this.#restartTimer(Math.min(this.#init.waitMs, tokenLeftMs), () => this.#endWait());
  }

  /** Answers with all up to the head, where a replay has just arrived. */
  answerAtHead(): void {
    if (this.#isCut) this.answerSoFar();
    else this.#send(this.#answer, { cursor: this.#init.headCursor(), caughtUp: true });
  }

  /** Answers with what was taken before the head; false when there is nothing whose cursor could be told. */
  answerSoFar(): boolean {
    const { cursor } = this.#answer;
    if (cursor !== undefined) this.#send(this.#answer, { cursor, caughtUp: false });
    return cursor !== undefined;
  }

  /** Ends it early: a wait with the cursor that it has come to, a replay with what it has brought. */
  close(reason: CloseReason): void {
    if (this.#hasEnded) return;
    if (this.#waitsFrom !== undefined) return this.#endWait();
    this.#stopReason ??= reason;
    this.#stop.abort();
  }

  /** Stops counting it. */
  abandon(): void {
    this.#end();
    clearTimeout(this.#timer);
    if (this.#isGone) return;
    this.#isGone = true;
    this.#controller?.close();
    this.#init.onGone();
  }

  #hasRoomFor(block: Uint8Array): boolean {
    return this.#takenFrames === 0 ||
      (this.#takenFrames < this.#init.maxEvents && this.#takenBytes + block.length <= this.#init.maxBytes);
  }

  #endWait(): void {
    this.#init.flush();
    // What was still to be flushed has answered already. All the rest up to the head was not for this reader.
    if (!this.#hasEnded) this.#send(this.#answer, { cursor: this.#init.headCursor(), caughtUp: true });
  }

  #send(answer: PollAnswer, end: PollEnd): void {
    if (this.#hasEnded) return;
    this.#end();
    this.#controller?.enqueue(encoder.encode(answer.text(end)));
    this.#restartTimer(MAX_TAKING_MS, () => this.abandon());
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stop.abort();
    this.#init.onEnd();
  }

  #vanish(): void {
    this.#controller = undefined;
    this.abandon();
  }

  #restartTimer(afterMs: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, afterMs);
  }
}

const encoder = new TextEncoder();
