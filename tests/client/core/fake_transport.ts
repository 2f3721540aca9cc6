import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import type { ServerMessage, Transport, TransportRequest } from "../../../src/client/transport.ts";

// The fake clock starts a real timer of 0 ms when it is loaded. On a busy machine it would end within the first test, which
// would be blamed for it.
await new Promise((resolve) => setTimeout(resolve));

/** One connection that a client opened: the test says what comes. */
export class FakeConnection {
  readonly request: TransportRequest;
  readonly #signal: AbortSignal;
  #waiting: (ServerMessage | Error | "end")[] = [];
  #wake = () => {};

  constructor(request: TransportRequest, signal: AbortSignal) {
    this.request = request;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#wake());
  }

  get isAborted(): boolean {
    return this.#signal.aborted;
  }

  opened(data: object = {}, id?: string): void {
    const text = JSON.stringify({ connectionId: "c1", heartbeatMs: 15_000, ...data });
    this.push({ event: "stream.opened", data: text, id });
  }

  event(id: string, data: unknown = {}, event = "task.progress-updated"): void {
    const envelope = { version: 1, scope: "user:1", time: "2026-01-01T00:00:00.000Z", data };
    this.push({ id, event, data: JSON.stringify(envelope) });
  }

  push(message: ServerMessage | Error | "end"): void {
    this.#waiting.push(message);
    this.#wake();
  }

  async *messages(): AsyncGenerator<ServerMessage> {
    for (;;) {
      this.#signal.throwIfAborted();
      const message = this.#waiting.shift();
      if (message === "end") return;
      if (message instanceof Error) throw message;
      if (message) yield message;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** A transport whose connections the test plays, in fake time. */
export class FakeTransport implements Transport, Disposable {
  readonly connections: FakeConnection[] = [];
  readonly clock: Clock = FakeTimers.install({
    now: Date.UTC(2026, 0, 1),
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
  });

  connect(request: TransportRequest, signal: AbortSignal): AsyncIterable<ServerMessage> {
    const connection = new FakeConnection(request, signal);
    this.connections.push(connection);
    return connection.messages();
  }

  get last(): FakeConnection {
    const last = this.connections.at(-1);
    if (last === undefined) throw new Error("Cannot play a connection: none was opened");
    return last;
  }

  /** Time passes, and whatever waits for nothing else goes on. */
  async pass(ms = 0): Promise<void> {
    await this.clock.tickAsync(ms);
    for (let turn = 0; turn < 30; turn++) await undefined;
  }

  [Symbol.dispose](): void {
    this.clock.uninstall();
  }
}
