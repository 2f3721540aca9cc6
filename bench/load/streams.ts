import { connectTo, type Epoll, READABLE, receive, send, socketError, WRITABLE } from "./libc.ts";
import { type OnBlock, StreamReader } from "./stream_reader.ts";

const WAIT_MS = 50;
const encoder = new TextEncoder();

/** What the streams tell their owner. */
export interface StreamsListener {
  /** No event is shorter; see {@link StreamReader}. */
  readonly minFrameBytes?: number;
  /** A stream's request has been sent. */
  requested?(stream: number): void;
  block(stream: number, buffer: Uint8Array, start: number, end: number): void;
  /** A stream was refused, has ended, or its connection broke; it may be opened anew. */
  ended?(stream: number): void;
}

/** The open event streams of one load: opens them, reads them, knows which have failed. */
export class Streams {
  readonly #port: number;
  readonly #maxOpening: number;
  readonly #listener: StreamsListener;
  readonly #requests: string[];
  readonly #epoll: Epoll;
  readonly #reader: StreamReader;
  readonly #files: Int32Array;
  readonly #hasSpoken: Uint8Array;
  #opened = 0;
  #answered = 0;
  #failures: string[] = [];

  /**
   * Their numbers in the epoll are 0 to `requests.length` − 1.
   *
   * @param maxOpening how many are opened side by side
   */
  constructor(
    port: number,
    requests: readonly string[],
    maxOpening: number,
    epoll: Epoll,
    listener: StreamsListener,
  ) {
    this.#port = port;
    this.#maxOpening = maxOpening;
    this.#listener = listener;
    this.#requests = [...requests];
    this.#epoll = epoll;
    this.#files = new Int32Array(requests.length).fill(-1);
    this.#hasSpoken = new Uint8Array(requests.length);
    const onBlock: OnBlock = (stream, buffer, start, end) => listener.block(stream, buffer, start, end);
    this.#reader = new StreamReader(onBlock, listener.minFrameBytes);
  }

  get count(): number {
    return this.#requests.length;
  }

  get failures(): readonly string[] {
    return this.#failures;
  }

  /** Opens the next streams, as many as may be under way; returns false when all have been answered or have failed. */
  openMore(): boolean {
    const { length } = this.#requests;
    while (this.#opened < length && this.#opened - this.#answered - this.#failures.length < this.#maxOpening) {
      this.open(this.#opened++);
    }
    return this.#answered + this.#failures.length < length;
  }

  /** Opens one stream, for the first time or anew. */
  open(stream: number, request = this.#requests[stream] ?? ""): void {
    this.#requests[stream] = request;
    const fd = connectTo(this.#port);
    this.#files[stream] = fd;
    this.#hasSpoken[stream] = 0;
    this.#reader.reset(stream);
    this.#epoll.add(fd, WRITABLE, stream);
  }

  /** Closes one stream as a client does that goes away. */
  close(stream: number): void {
    const fd = this.#files[stream] ?? -1;
    if (fd >= 0) this.#epoll.remove(fd);
    this.#files[stream] = -1;
  }

  /** A stream's socket can be read or written. */
  ready(stream: number, events: number): void {
    const fd = this.#files[stream] ?? -1;
    if ((events & WRITABLE) !== 0) return this.#sendRequest(stream, fd);
    const count = receive(fd, this.#reader.room);
    if (count > 0) this.#reader.take(stream, count);
    if (this.#hasSpoken[stream] === 0 && this.#reader.status(stream) !== 0) {
      this.#hasSpoken[stream] = 1;
      const status = this.#reader.status(stream);
      if (status === 200) this.#answered++;
      else return this.#fail(stream, fd, `status ${status}`);
    }
    if (count === 0 || this.#reader.isOver(stream)) this.#fail(stream, fd, "it ended");
    else if (count < 0 && socketError(fd) !== 0) this.#fail(stream, fd, "its connection broke");
  }

  #sendRequest(stream: number, fd: number): void {
    const error = socketError(fd);
    if (error !== 0) return this.#fail(stream, fd, `error number ${error}`);
    const request = encoder.encode(this.#requests[stream] ?? "");
    if (send(fd, request) !== request.length) return this.#fail(stream, fd, "its request was not taken");
    this.#epoll.modify(fd, READABLE, stream);
    this.#listener.requested?.(stream);
  }

  #fail(stream: number, fd: number, why: string): void {
    if (this.#hasSpoken[stream] === 1 && this.#reader.status(stream) === 200) this.#answered--;
    this.#failures.push(`stream ${stream}: ${why}`);
    // Level-triggered, a dead socket would wake the loop for ever.
    this.#epoll.remove(fd);
    this.#files[stream] = -1;
    this.#listener.ended?.(stream);
  }
}

/** Opens all the streams, with the loop that only this needs. */
export function openAll(streams: Streams, epoll: Epoll, timeoutMs: number): void {
  const deadlineMs = performance.now() + timeoutMs;
  while (streams.openMore()) {
    if (performance.now() > deadlineMs) throw new Error(`Cannot open all streams within ${timeoutMs} ms`);
    const count = epoll.wait(WAIT_MS);
    for (let index = 0; index < count; index++) streams.ready(epoll.tag(index), epoll.events(index));
  }
  if (streams.failures.length === streams.count) throw new Error(`Cannot open any stream: ${streams.failures[0]}`);
}
