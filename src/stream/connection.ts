import type { Member } from "../broadcast/broadcaster.ts";
import type { CloseReason } from "../model/close_reason.ts";
import type { Gap } from "../model/gap.ts";
import type { OffsetFormat } from "../model/position.ts";
import type { Scope } from "../model/scope.ts";
import type { ReplayTarget } from "../replay/replay.ts";
import { gapDetected, HEARTBEAT, streamClosing } from "../wire/control_events.ts";
import { type Frame, joinBytes } from "../wire/frame.ts";
import type { Page } from "../wire/page.ts";
import { accepts, mayRead } from "./entitled.ts";
import type { Reader } from "./reader.ts";
import { SendQueue, type SendQueueLimits } from "./send_queue.ts";
import { StreamTally } from "./stream_tally.ts";
import type { Subscription } from "./subscription.ts";

/** Why a stream is over: what it told its client, or that there is none any more. */
export type EndReason = CloseReason | "client-gone";

/** What a connection is made of. */
export interface ConnectionInit {
  readonly id: string;
  readonly reader: Reader;
  readonly subscription: Subscription;
  readonly queueLimits: SendQueueLimits;
  /** Its own reconnect delay, in milliseconds. */
  readonly retryMs: number;
  /** On the monotonic clock: when the stream ends by itself. */
  readonly endsAtMs: number;
  /** How a source writes its offsets. */
  readonly formatOf: (source: string) => OffsetFormat;
  /** How long the client of a stream that ends so shall stay away, in milliseconds. */
  readonly retryAfterMs: (reason: CloseReason) => number;
  /** Told once: from here on the stream takes no frame. Its socket may still be there. */
  readonly onEnd: (reason: EndReason) => void;
  /** Told once, after `onEnd`: the server has taken the last byte, or the socket is gone. */
  readonly onGone: () => void;
  readonly onShed: (frames: number) => void;
  /** Default {@link MAX_UNASKED_BYTES}; smaller in tests, so that a reader is soon a slow one. */
  readonly maxUnaskedBytes?: number;
}

/** Bytes handed to the body before the server has asked for more: one good write, and all that a slow reader gets unasked. */
const MAX_UNASKED_BYTES = 64 * 1024;

/** Bytes are what counts. No mark of the stream's own: `pull` then comes exactly when everything was taken. */
const BYTES_UNTAKEN = new ByteLengthQueuingStrategy({ highWaterMark: 0 });

/**
 * One open stream: its principal, subscription, send queue, lifetime and end.
 *
 * Bytes go straight to the body while the server takes them; from the moment it does not, frames wait in the bounded
 * queue and `pull` drains it. Nothing here is awaited by anyone who serves others.
 */
export class Connection implements Member, ReplayTarget {
  readonly id: string;
  /** Another one after the token was renewed; so is the subscription. */
  reader: Reader;
  subscription: Subscription;
  readonly retryMs: number;
  readonly endsAtMs: number;
  readonly body: ReadableStream<Uint8Array>;
  /** The last journal number that a replay has covered. */
  joinedAfterSeq = 0;
  /** Journal number of the last live frame; 0 when it is not sure to reach the reader. */
  lastSeq = 0;
  /** Version of the journal's cursor that the last checkpoint told. */
  checkpointVersion = -1;
  /** When the token's coming end is announced, in milliseconds since 1970; once it was, never. */
  warnAtMs = Infinity;
  /** Milliseconds since 1970. */
  readonly openedAtMs = Date.now();
  readonly tally = new StreamTally();
  readonly #init: ConnectionInit;
  readonly #maxUnaskedBytes: number;
  /** Made when the reader first falls behind: most never do. */
  #queue: SendQueue | undefined;
  #hasEnded = false;
  #isGone = false;
  /** Made when somebody asks: most streams never replay, and ten thousand controllers weigh. */
  #endController: AbortController | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Lets the server ask again; nothing while it has not asked. */
  #answerPull: (() => void) | undefined;
  #wroteSinceLook = false;
  #lastByteAtMs = performance.now();
  #roomWaiters: { resolve: () => void; reject: (reason: unknown) => void }[] = [];

  constructor(init: ConnectionInit) {
    this.#init = init;
    this.#maxUnaskedBytes = init.maxUnaskedBytes ?? MAX_UNASKED_BYTES;
    this.id = init.id;
    this.reader = init.reader;
    this.subscription = init.subscription;
    this.retryMs = init.retryMs;
    this.endsAtMs = init.endsAtMs;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#drain(),
      cancel: () => this.#vanish(),
    }, BYTES_UNTAKEN);
  }

  get scopes(): readonly Scope[] {
    return this.subscription.scopes;
  }

  /** Whether the stream is over, however it ended. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Aborted when the stream is over. */
  get endSignal(): AbortSignal {
    this.#endController ??= new AbortController();
    if (this.#hasEnded) this.#endController.abort(streamOver());
    return this.#endController.signal;
  }

  /** How long no byte has been sent, as far as looks like this one can tell. Times in monotonic milliseconds. */
  silentMs(nowMs: number): number {
    // A clock is read once a look, not once a write: at a thousand writes a turn it would show.
    if (this.#wroteSinceLook) this.#lastByteAtMs = nowMs;
    this.#wroteSinceLook = false;
    return nowMs - this.#lastByteAtMs;
  }

  get queuedFrames(): number {
    return this.#queue?.frameCount ?? 0;
  }

  get queuedBytes(): number {
    return this.#queue?.byteCount ?? 0;
  }

  /** The reader takes nothing although something waits for it in the queue. */
  get isStalled(): boolean {
    return this.#queue !== undefined && !this.#queue.isEmpty;
  }

  /** Something waits for the reader: in the queue, or a replay for room in it. */
  get isAwaited(): boolean {
    return this.isStalled || this.#roomWaiters.length > 0;
  }

  accepts(frame: Frame): boolean {
    return accepts(this.subscription, this.reader, frame);
  }

  mayRead(frame: Frame): boolean {
    return mayRead(this.reader, frame);
  }

  deliver(frames: readonly Frame[], chunk: Uint8Array, nowMs: number): void {
    if (this.#refusesFrames(nowMs)) return;
    this.tally.take(frames);
    const isWritten = !this.isStalled && this.#write(chunk);
    // A frame that waits may still be shed, and its cursor with it.
    this.lastSeq = isWritten ? frames.at(-1)?.seq ?? 0 : 0;
    if (isWritten) return;
    for (const frame of frames) {
      const offered = this.#waiting().offer(frame);
      if (offered === "shed") this.#noteShed();
      if (offered === "overflow") return this.close("slow-consumer");
    }
  }

  offer({ frames, chunk }: Page): void {
    if (this.#refusesFrames(Date.now())) return;
    this.tally.take(frames);
    // A replay waits for room between its pages, so a page is never shed, whatever it holds.
    if (this.isStalled || !this.#write(chunk)) this.#waiting().offerControl(chunk);
  }

  announce(gap: Gap, cursor: string | undefined): void {
    this.send(gapDetected(gap, this.#init.formatOf(gap.source), cursor));
  }

  /** Sends a control event behind what is already on its way. */
  send(bytes: Uint8Array): void {
    if (this.#hasEnded) return;
    if (this.isStalled || !this.#write(bytes)) this.#waiting().offerControl(bytes);
  }

  /** Breaks a silence; false when the reader would not hear it, because it takes nothing at present. */
  heartbeat(bytes: Uint8Array = HEARTBEAT): boolean {
    return !this.#hasEnded && !this.isStalled && this.#write(bytes);
  }

  room(): Promise<void> {
    if (this.#hasEnded) return Promise.reject(streamOver());
    if (!this.isStalled && this.#takesMore) return Promise.resolve();
    this.#wantPull();
    return new Promise((resolve, reject) => this.#roomWaiters.push({ resolve, reject }));
  }

  /** Ends the stream with its last event. What still waits goes out first, unless the reader may or can not have it. */
  close(reason: CloseReason): void {
    if (this.#hasEnded) return;
    const mayHaveTheRest = reason === "max-lifetime" || reason === "draining";
    const rest = mayHaveTheRest ? this.#queue?.take(Number.POSITIVE_INFINITY) : undefined;
    const last = streamClosing(reason, this.#init.retryAfterMs(reason));
    this.#controller?.enqueue(rest === undefined ? last : joinBytes([rest, last]));
    this.#wantPull();
    this.#end(reason);
    // The body is closed when the server has taken the last event: until then a client that goes away is still noticed,
    // and one that takes nothing still counts, for its socket cannot be cut from here.
  }

  /** Stops counting a stream that has ended and whose reader takes nothing: the memory that it holds is the kernel's. */
  abandon(): void {
    if (this.#hasEnded) this.#go();
  }

  /** A token that ended while the process stood still must not get one more event. */
  #refusesFrames(nowMs: number): boolean {
    if (this.#hasEnded) return true;
    if (nowMs < this.reader.expiresAtMs) return false;
    this.close("token-expired");
    return true;
  }

  #noteShed(): void {
    this.tally.shedFrames++;
    this.#init.onShed(1);
  }

  /** The queue, to put something into. */
  #waiting(): SendQueue {
    this.#wantPull();
    return this.#queue ??= new SendQueue(this.#init.queueLimits);
  }

  get #takesMore(): boolean {
    return -(this.#controller?.desiredSize ?? Number.NEGATIVE_INFINITY) < this.#maxUnaskedBytes;
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#controller === undefined || !this.#takesMore) return false;
    this.tally.bytes += bytes.length;
    this.#wroteSinceLook = true;
    this.#controller.enqueue(bytes);
    return true;
  }

  /** The server asks for more: all that it was given is taken. Answered when that is of interest again. */
  #drain(): Promise<void> | undefined {
    if (this.#hasEnded) return void this.#go();
    const chunk = this.#queue?.take(this.#maxUnaskedBytes);
    if (chunk !== undefined) this.#write(chunk);
    if (this.#roomWaiters.length > 0 && !this.isStalled && this.#takesMore) {
      const waiters = this.#roomWaiters;
      this.#roomWaiters = [];
      for (const { resolve } of waiters) resolve();
    }
    // A reader that keeps up would be asked for after each write; the stream asks no second time while the first is open.
    return this.isAwaited ? undefined : new Promise((resolve) => this.#answerPull = resolve);
  }

  /** From now on it matters when the server has taken all. */
  #wantPull(): void {
    this.#answerPull?.();
    this.#answerPull = undefined;
  }

  /** The client has gone away, or the server is done with the body. */
  #vanish(): void {
    this.#controller = undefined;
    this.#end("client-gone");
    this.#go();
  }

  #end(reason: EndReason): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#endController?.abort(streamOver());
    this.#queue = undefined;
    for (const { reject } of this.#roomWaiters) reject(streamOver());
    this.#roomWaiters = [];
    this.#init.onEnd(reason);
  }

  #go(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#controller?.close();
    this.#init.onGone();
  }
}

/** What those learn who wait for a stream that is over. */
function streamOver(): DOMException {
  return new DOMException("The stream is over", "AbortError");
}
