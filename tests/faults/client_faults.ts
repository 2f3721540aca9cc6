import { TcpProxy } from "../support/tcp_proxy.ts";
import type { Fault } from "./fault.ts";
import { type FaultRun, flows, passes, whileAway } from "./fault_run.ts";
import type { KafkaSource } from "./kafka_source.ts";

/** Queues that a reader overruns at once, but for what the kernel holds. */
const SMALL_QUEUE = {
  streams: { maxFrameBytes: "64KiB", sendQueue: { maxFrames: 50, maxBytes: "64KiB" }, writeStall: "1s" },
  replay: { maxBytes: "512MiB" },
};

/** What clients do, and the networks between them and the gateways; the source is a topic. */
export const CLIENT_FAULTS: readonly Fault<KafkaSource>[] = [
  {
    name: "all are cut after moments, again and again",
    gaps: "none",
    isQuick: true,
    inject: async (run) => {
      for (const client of run.clients) Object.assign(client, { cutShare: 1, cutAfterMs: { least: 5, most: 200 } });
      await passes(8_000);
      for (const client of run.clients) {
        Object.assign(client, { cutShare: 0.5, cutAfterMs: { least: 100, most: 3_000 } });
      }
    },
  },
  {
    name: "all come back at once, far behind",
    gaps: "none",
    inject: (run) => whileAway(run, () => run.load.write(6_000)),
  },
  {
    name: "two hundred come back at once, far behind",
    gaps: "none",
    inject: async (run) => {
      while (run.clients.length < 200) await run.join();
      await flows(run);
      for (let count = 0; count < 2; count++) await whileAway(run, () => run.load.write(1_000));
    },
  },
  {
    name: "all come back at once, further behind than one reconnect may replay",
    gaps: "required",
    config: { replay: { maxEvents: 300 } },
    inject: (run) => whileAway(run, () => run.load.write(3_000)),
  },
  {
    name: "readers stop while much is written for them",
    gaps: "none",
    config: SMALL_QUEUE,
    inject: async (run) => {
      for (const client of run.clients) client.pause();
      run.load.filling = 16_384;
      await run.load.write(4_000);
      run.load.filling = 0;
      await passes(2_000);
      for (const client of run.clients) client.resume();
    },
  },
  {
    name: "readers are slow while much is written for them",
    gaps: "none",
    config: SMALL_QUEUE,
    inject: (run) =>
      throughProxy(run, async (proxy) => {
        proxy.bytesPerSecond = 200_000;
        run.load.filling = 8_192;
        await run.load.write(3_000);
        run.load.filling = 0;
        await passes(2_000);
        proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
      }),
  },
  {
    name: "connections are left half-open",
    gaps: "none",
    inject: (run) =>
      throughProxy(run, async (proxy) => {
        for (let count = 0; count < 4; count++) {
          proxy.abandon();
          await flows(run);
        }
      }),
  },
  {
    name: "network stands still for three seconds",
    gaps: "none",
    inject: (run) =>
      throughProxy(run, async (proxy) => {
        proxy.freeze();
        await passes(3_000);
        proxy.thaw();
      }),
  },
  {
    name: "network stands still for longer than clients wait",
    gaps: "none",
    inject: (run) =>
      throughProxy(run, async (proxy) => {
        proxy.freeze();
        await passes(9_000);
        proxy.thaw();
      }),
  },
  {
    name: "network loses what the gateway says",
    gaps: "none",
    inject: (run) =>
      throughProxy(run, async (proxy) => {
        for (let count = 0; count < 10; count++) {
          proxy.losesAnswers = true;
          await passes(run.random.between(50, 300));
          proxy.losesAnswers = false;
          await passes(run.random.between(50, 600));
        }
      }),
  },
];

/** All clients go through a proxy of their own while something happens, and directly again. */
async function throughProxy(run: FaultRun<KafkaSource>, happens: (proxy: TcpProxy) => Promise<void>): Promise<void> {
  const [node] = run.nodes;
  if (node === undefined) throw new Error("Cannot break the way to a gateway: there is none");
  await using proxy = new TcpProxy(node.port);
  run.urls.splice(0, run.urls.length, `http://127.0.0.1:${proxy.port}`);
  for (const client of run.clients) client.cut();
  await flows(run);
  await happens(proxy);
  await flows(run);
  run.urls.splice(0, run.urls.length, node.url);
}
