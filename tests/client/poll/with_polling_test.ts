import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import { pollTransport, withPolling } from "../../../src/client/poll/mod.ts";
import {
  type ServerMessage,
  type Transport,
  TransportError,
  type TransportRequest,
} from "../../../src/client/transport.ts";

const REQUEST: TransportRequest = { url: "https://gateway.test", scopes: [], events: [], lastEventId: "s:0:0" };

/** What a stream does when it is asked for. */
type Behaviour = (request: TransportRequest, signal: AbortSignal) => AsyncIterable<ServerMessage>;

/** A stream that does what the test says, and polls that are answered by a script. */
class Network implements Disposable {
  readonly clock: Clock = FakeTimers.install({
    toFake: ["setTimeout", "clearTimeout", "performance"],
  });
  stream: Behaviour = holdsBack;
  /** Nothing answers polls either. */
  isAway = false;
  /** The last ids that streams and polls were asked with. */
  readonly asked: string[] = [];
  next = 1;
  readonly #fetch = globalThis.fetch;
  readonly #timeout = AbortSignal.timeout;

  constructor() {
    // The real one has a clock of its own.
    AbortSignal.timeout = (ms) => {
      const limit = new AbortController();
      setTimeout(() => limit.abort(new DOMException("too late", "TimeoutError")), ms);
      return limit.signal;
    };
    globalThis.fetch = async (input, init) => {
      init?.signal?.throwIfAborted();
      const { searchParams } = new URL(String(input));
      this.asked.push(`poll ${searchParams.get("cursor")}`);
      if (this.isAway) throw new TypeError("network error");
      const id = `s:0:${this.next++}`;
      return Response.json({ cursor: id, events: [{ id, event: "a.b", data: {} }], gaps: [], caughtUp: true });
    };
  }

  readonly transport: Transport = {
    connect: (request, signal) => {
      this.asked.push(`stream ${request.lastEventId}`);
      return this.stream(request, signal);
    },
  };

  /** Time passes, a quarter of a second at a time, and everybody goes on in between. */
  async pass(durationMs: number): Promise<void> {
    for (let left = durationMs; left > 0; left -= 250) {
      this.clock.tick(Math.min(left, 250));
      for (let turn = 0; turn < 50; turn++) await undefined;
    }
  }

  [Symbol.dispose](): void {
    globalThis.fetch = this.#fetch;
    AbortSignal.timeout = this.#timeout;
    this.clock.uninstall();
  }
}

/** A 200 of which nothing comes: a proxy that buffers. */
async function* holdsBack(_: TransportRequest, signal: AbortSignal): AsyncGenerator<ServerMessage> {
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  yield {};
}

async function* breaks(): AsyncGenerator<ServerMessage> {
  yield* [];
  throw new TypeError("network error");
}

async function* opens({ lastEventId }: TransportRequest, signal: AbortSignal): AsyncGenerator<ServerMessage> {
  yield { id: lastEventId, event: "stream.opened", data: "{}" };
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

/** One connection: what came of it, and how it ended. */
class Connection {
  readonly messages: ServerMessage[] = [];
  error: unknown;
  isOver = false;
  readonly #abort = new AbortController();

  constructor(transport: Transport, request: TransportRequest = REQUEST) {
    void this.#read(transport.connect(request, this.#abort.signal));
  }

  get lastId(): string | undefined {
    return this.messages.findLast(({ id }) => id !== undefined)?.id;
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(messages: AsyncIterable<ServerMessage>): Promise<void> {
    try {
      for await (const message of messages) this.messages.push(message);
    } catch (error) {
      this.error = error;
    }
    this.isOver = true;
  }
}

/** The connection, when it has ended by itself. */
async function connectionOver(network: Network, connection: Connection): Promise<Connection> {
  await network.pass(250);
  assert.ok(connection.isOver);
  return connection;
}

Deno.test("withPolling: a stream of which nothing comes in 10 s is given up for polls, from the same cursor", async () => {
  using network = new Network();
  const connection = new Connection(withPolling(network.transport));
  await network.pass(9_750);
  assert.deepEqual([network.asked, connection.messages], [["stream s:0:0"], []]);
  await network.pass(500);
  assert.deepEqual(network.asked.slice(0, 2), ["stream s:0:0", "poll s:0:0"]);
  const [opened, event] = connection.messages;
  assert.equal(JSON.parse(opened?.data ?? "").transport, "poll");
  assert.deepEqual(event, { id: "s:0:1", event: "a.b", data: "{}" });
  connection.close();
  await network.pass(250);
  assert.ok(connection.isOver);
});

Deno.test("withPolling: three attempts that break are followed by polls, two are not", async () => {
  using network = new Network();
  network.stream = breaks;
  const transport = withPolling(network.transport);
  for (const attempt of [1, 2]) {
    const connection = new Connection(transport);
    await network.pass(250);
    assert.match(String(connection.error), /network error/, `attempt ${attempt}`);
  }
  const third = new Connection(transport);
  await network.pass(250);
  assert.deepEqual(network.asked.slice(0, 4), ["stream s:0:0", "stream s:0:0", "stream s:0:0", "poll s:0:0"]);
  third.close();
  await network.pass(250);
});

Deno.test("withPolling: when polls fail too the gateway is away, and the stream is tried again before the next poll", async () => {
  using network = new Network();
  network.stream = breaks;
  network.isAway = true;
  const transport = withPolling(network.transport);
  for (let attempt = 1; attempt <= 4; attempt++) {
    const connection = new Connection(transport);
    await network.pass(250);
    assert.match(String(connection.error), /network error/);
  }
  const one = ["stream s:0:0", "poll s:0:0"];
  assert.deepEqual(network.asked, ["stream s:0:0", "stream s:0:0", ...one, ...one]);
  network.stream = opens;
  const back = new Connection(transport);
  await network.pass(250);
  assert.equal(network.asked.at(-1), "stream s:0:0");
  assert.equal(back.messages[0]?.event, "stream.opened");
  back.close();
  await network.pass(250);
});

Deno.test("withPolling: after polls that were answered, one that breaks is followed by polls", async () => {
  using network = new Network();
  const transport = withPolling(network.transport);
  const connection = new Connection(transport);
  await network.pass(10_500);
  assert.ok(connection.messages.length > 0);
  network.isAway = true;
  await network.pass(1_000);
  assert.match(String(connection.error), /network error/);
  network.isAway = false;
  const next = new Connection(transport);
  await network.pass(250);
  assert.match(network.asked.at(-1) ?? "", /^poll/);
  next.close();
  await network.pass(250);
});

Deno.test("withPolling: a stream that has spoken and breaks counts for nothing, a refusal for good is passed on", async () => {
  using network = new Network();
  network.stream = async function* () {
    yield { event: "stream.opened" };
    throw new TypeError("network error");
  };
  const transport = withPolling(network.transport);
  for (let attempt = 0; attempt < 5; attempt++) {
    new Connection(transport);
    await network.pass(250);
  }
  assert.ok(network.asked.every((asked) => asked.startsWith("stream")));
  network.stream = async function* () {
    yield* [];
    throw new TransportError(401, "token-expired");
  };
  for (let attempt = 0; attempt < 5; attempt++) {
    const refused = new Connection(transport);
    await network.pass(250);
    assert.ok(refused.error instanceof TransportError);
  }
  assert.ok(network.asked.every((asked) => asked.startsWith("stream")));
});

Deno.test("withPolling: keeps asking whether streams come through, without a cursor, and goes back with the last one", async () => {
  using network = new Network();
  const connection = new Connection(withPolling(network.transport));
  await network.pass(10_250);
  network.stream = opens;
  await network.pass(59_000);
  assert.equal(network.asked.filter((asked) => asked.startsWith("stream")).length, 1);
  await network.pass(1_500);
  const cursor = connection.lastId;
  assert.equal(network.asked.filter((asked) => asked === "stream undefined").length, 1);
  assert.equal(network.asked.at(-1), `stream ${cursor}`);
  const count = network.asked.length;
  await network.pass(10_000);
  assert.equal(network.asked.length, count, "no poll any more");
  const ids = connection.messages.filter(({ event }) => event === "a.b").map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, "nothing came twice");
  assert.equal(ids.length, network.next - 1, "nothing that was answered is lost");
  connection.close();
  await network.pass(250);
  assert.ok(connection.isOver);
});

Deno.test("withPolling: goes back to the stream with a fresh credential, where there is one to be had", async () => {
  for (const fresh of ["fresh", undefined]) {
    using network = new Network();
    const request: TransportRequest = {
      ...REQUEST,
      headers: { authorization: "old" },
      ...fresh && { freshHeaders: () => Promise.resolve({ authorization: fresh }) },
    };
    const connection = new Connection(withPolling(network.transport), request);
    await network.pass(10_250);
    let authorization: string | undefined;
    network.stream = (request, signal) => {
      authorization = request.headers?.["authorization"];
      return opens(request, signal);
    };
    await network.pass(61_000);
    assert.deepEqual([network.asked.at(-1), authorization], [`stream ${connection.lastId}`, fresh ?? "old"]);
    connection.close();
    await network.pass(250);
  }
});

Deno.test("withPolling: stream and poll never change", async () => {
  using network = new Network();
  assert.equal(withPolling(network.transport, "stream"), network.transport);
  const connection = new Connection(withPolling(network.transport, "poll"));
  await network.pass(1_000);
  assert.ok(network.asked.length >= 3);
  assert.ok(network.asked.every((asked) => asked.startsWith("poll")));
  connection.close();
  await network.pass(250);
});

Deno.test("pollTransport: makes four polls a second at most while events keep coming", async () => {
  using network = new Network();
  const connection = new Connection(pollTransport);
  await network.pass(10_000);
  assert.ok(network.asked.length <= 42, `${network.asked.length} in 10 s`);
  connection.close();
  await network.pass(250);
  const count = network.asked.length;
  await network.pass(10_000);
  assert.equal(network.asked.length, count);
});

Deno.test("pollTransport: gaps keep their places, an answer that is cut is followed at once, a refusal says when to come back", async () => {
  using network = new Network();
  const gap = { source: "s", partition: 0, from: "1", to: "2", reason: "trimmed", lost: 2, resync: true };
  const answers = [
    Response.json({
      cursor: "c2",
      events: [{ id: "c1", event: "a.b", data: { n: 1 } }, { id: "c2", event: "a.b", data: { n: 2 } }],
      gaps: [{ ...gap, id: "g", eventsBefore: 1 }],
      caughtUp: false,
    }),
    new Response("{}", { status: 429, headers: { "retry-after": "7" } }),
  ];
  globalThis.fetch = () => Promise.resolve(answers.shift() ?? assert.fail("one poll too many"));
  const connection = new Connection(pollTransport);
  await network.pass(1);
  assert.deepEqual(connection.messages.slice(1), [
    { id: "c1", event: "a.b", data: '{"n":1}' },
    { id: "g", event: "stream.gap-detected", data: JSON.stringify(gap) },
    { id: "c2", event: "a.b", data: '{"n":2}' },
    { id: "c2" },
  ]);
  assert.ok(connection.error instanceof TransportError && connection.error.retryAfterMs === 7_000);
});

Deno.test("pollTransport: a refusal is final where the gateway says it, a 401 whoever says it", async () => {
  using network = new Network();
  const answers = [
    [403, "application/problem+json", true],
    [403, "text/html", false],
    [404, "text/html", false],
    [405, "text/html", false],
    [401, "text/html", true],
  ] as const;
  for (const [status, type, isFinal] of answers) {
    globalThis.fetch = () => Promise.resolve(new Response("why", { status, headers: { "content-type": type } }));
    const { error } = await connectionOver(network, new Connection(pollTransport));
    assert.ok(error instanceof TransportError);
    assert.deepEqual([error.status, error.isFinal], [status, isFinal]);
  }
});

Deno.test("pollTransport: asks with the fetch and the credentials of the request", async () => {
  using network = new Network();
  const asked: (RequestCredentials | undefined)[] = [];
  const own: typeof fetch = (_, init) => {
    asked.push(init?.credentials);
    return Promise.reject(new Error("no network"));
  };
  for (const more of [{}, { credentials: "omit" }] as const) {
    await connectionOver(network, new Connection(pollTransport, { ...REQUEST, fetch: own, ...more }));
  }
  assert.deepEqual([asked, network.asked], [["include", "omit"], []]);
});

Deno.test("pollTransport: a poll that hangs is over after 35 s, before its answer and in the middle of it", async () => {
  using network = new Network();
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const bodies = [
    (signal: AbortSignal) => hang(signal),
    async (signal: AbortSignal) => Object.assign(new Response(), { json: () => hang(signal) }),
  ];
  for (const answer of bodies) {
    globalThis.fetch = (_, init) => answer(init?.signal ?? assert.fail("a poll without a signal"));
    const connection = new Connection(pollTransport);
    await network.pass(34_750);
    assert.equal(connection.isOver, false);
    await network.pass(500);
    assert.ok(connection.error instanceof DOMException);
    assert.deepEqual([connection.isOver, connection.error.name], [true, "TimeoutError"]);
  }
});
