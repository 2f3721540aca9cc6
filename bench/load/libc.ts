/**
 * Sockets and epoll straight from libc.
 *
 * A load client made of `Deno.connect` spends about 10 µs a read on promises: with a thousand streams it would be the
 * bottleneck of its own measurement. This one spends about 1 µs, in one loop that never yields, so that a time stamp is
 * the time of the read and of nothing else. Linux on x86-64 and arm64 only, as the bench is.
 */
const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
}).symbols;

const AF_INET = 2;
const SOCK_STREAM_NONBLOCK = 1 | 0o4000;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const MSG_NOSIGNAL = 0x4000;

export const READABLE = 0x1;
export const WRITABLE = 0x4;

/** Begins to connect to a port of 127.0.0.1; the socket becomes writable when that has succeeded or failed. */
export function connectTo(port: number): number {
  const fd = libc.socket(AF_INET, SOCK_STREAM_NONBLOCK, 0);
  if (fd < 0) throw new Error("Cannot open a socket: the process may have no more files. Raise `ulimit -n`");
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, new Uint8Array(new Int32Array([1]).buffer), 4);
  const address = new Uint8Array([AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  // It says "in progress"; how it ended is told by socketError.
  libc.connect(fd, address, address.length);
  return fd;
}

/** The socket's pending error number, 0 for none. */
export function socketError(fd: number): number {
  const value = new Int32Array(1);
  libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(value.buffer), new Uint8Array(new Uint32Array([4]).buffer));
  return value[0] ?? 0;
}

/** Bytes read; 0 at the end of the stream, -1 when there is nothing to read or the socket has failed. */
export function receive(fd: number, into: Uint8Array<ArrayBuffer>): number {
  return Number(libc.recv(fd, into, BigInt(into.length), 0));
}

/** Bytes that the kernel took; -1 when it takes none now. */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  return Number(libc.send(fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL));
}

/** The sockets of one loop, each under a number of the caller's. */
export class Epoll {
  readonly #fd = libc.epoll_create1(0);
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #maxEvents: number;

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
    this.#buffer = new Uint8Array(maxEvents * EVENT_BYTES);
    this.#view = new DataView(this.#buffer.buffer);
  }

  add(fd: number, events: number, tag: number): void {
    this.#control(1, fd, events, tag);
  }

  modify(fd: number, events: number, tag: number): void {
    this.#control(3, fd, events, tag);
  }

  /** Forgets a socket and closes it. */
  remove(fd: number): void {
    this.#control(2, fd, 0, 0);
    libc.close(fd);
  }

  /** How many sockets are ready; {@link tag} and {@link events} tell which. */
  wait(timeoutMs: number): number {
    return Math.max(0, libc.epoll_wait(this.#fd, this.#buffer, this.#maxEvents, timeoutMs));
  }

  tag(index: number): number {
    return this.#view.getUint32(index * EVENT_BYTES + EVENT_DATA_OFFSET, true);
  }

  events(index: number): number {
    return this.#view.getUint32(index * EVENT_BYTES, true);
  }

  #control(operation: number, fd: number, events: number, tag: number): void {
    const event = new DataView(new ArrayBuffer(EVENT_BYTES));
    event.setUint32(0, events, true);
    event.setUint32(EVENT_DATA_OFFSET, tag, true);
    libc.epoll_ctl(this.#fd, operation, fd, new Uint8Array(event.buffer));
  }
}

/** `struct epoll_event` is packed on x86-64 and nowhere else. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const EVENT_DATA_OFFSET = Deno.build.arch === "x86_64" ? 4 : 8;
