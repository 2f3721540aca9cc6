import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { listen, LISTEN_AGAIN_MS, type Serve } from "../../src/http/listen.ts";

const ANSWER = () => new Response("here");

interface FakeServer {
  readonly port: number;
  fail(error: Error): void;
  readonly wasShutDown: () => boolean;
}

/** Servers that end when the test says so. */
function fakeServe(): { readonly serve: Serve; readonly servers: FakeServer[]; refuses: boolean } {
  const fake = {
    servers: [] as FakeServer[],
    refuses: false,
    serve: (({ port }) => {
      if (fake.refuses) throw new Deno.errors.AddrInUse("Address already in use");
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      let wasShutDown = false;
      const shutdown = () => {
        wasShutDown = true;
        resolve();
        return promise;
      };
      fake.servers.push({ port, fail: reject, wasShutDown: () => wasShutDown });
      const addr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: port === 0 ? 4_711 : port };
      return { addr, finished: promise, shutdown };
    }) satisfies Serve,
  };
  return fake;
}

async function withFakeTime(run: (clock: FakeTimers.Clock) => Promise<void>): Promise<void> {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    await run(clock);
  } finally {
    clock.uninstall();
  }
}

Deno.test("listen: after a connection that could not be accepted the same port is listened on again", async () => {
  await withFakeTime(async (clock) => {
    const fake = fakeServe();
    const listener = listen("127.0.0.1", 0, ANSWER, fake.serve);
    assert.equal(listener.port, 4_711);
    fake.servers[0]?.fail(new Deno.errors.Http("Too many open files (os error 24)"));
    await clock.tickAsync(LISTEN_AGAIN_MS - 1);
    assert.equal(fake.servers.length, 1);
    fake.refuses = true;
    await clock.tickAsync(1);
    fake.refuses = false;
    await clock.tickAsync(LISTEN_AGAIN_MS);
    assert.deepEqual(fake.servers.map(({ port }) => port), [0, 4_711]);
    await listener.shutdown();
    assert.equal(fake.servers[1]?.wasShutDown(), true);
  });
});

Deno.test("listen: a shutdown while it waits to listen again ends at once", async () => {
  await withFakeTime(async (clock) => {
    const fake = fakeServe();
    const listener = listen("127.0.0.1", 0, ANSWER, fake.serve);
    fake.servers[0]?.fail(new Error("Too many open files"));
    await clock.tickAsync(1);
    await listener.shutdown();
    await clock.tickAsync(LISTEN_AGAIN_MS);
    assert.equal(fake.servers.length, 1);
  });
});

Deno.test("listen: answers on a free port until it is shut down", async () => {
  const listener = listen("127.0.0.1", 0, ANSWER);
  const response = await fetch(`http://127.0.0.1:${listener.port}`);
  assert.equal(await response.text(), "here");
  await listener.shutdown();
  await assert.rejects(fetch(`http://127.0.0.1:${listener.port}`));
});
