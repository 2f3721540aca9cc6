import { FAKETIME_LIBRARY } from "../support/install_servers.ts";
import { signToken } from "../support/gateway_process.ts";
import type { Fault } from "./fault.ts";
import { flows, onlyNode, passes, until, whileAway, whilePaused } from "./fault_run.ts";
import type { KafkaSource } from "./kafka_source.ts";

/** What can happen to gateways' processes and to the machine that they run on; their source is a topic. */
export const GATEWAY_FAULTS: readonly Fault<KafkaSource>[] = [
  {
    name: "killed at random moments",
    gaps: "none",
    isQuick: true,
    inject: async (run) => {
      for (let count = 0; count < 5; count++) {
        await onlyNode(run).kill();
        await onlyNode(run).restart();
        await passes(run.random.between(0, 1_000));
      }
    },
  },
  {
    name: "killed again and again while it starts",
    gaps: "none",
    inject: async (run) => {
      await onlyNode(run).kill();
      for (let count = 0; count < 6; count++) {
        const started = onlyNode(run).restart().catch(() => {});
        await passes(run.random.between(100, 900));
        await onlyNode(run).kill();
        await started;
      }
      await onlyNode(run).restart();
    },
  },
  {
    name: "killed while it reads any byte of its start",
    gaps: "none",
    inject: async (run) => {
      const node = onlyNode(run);
      const { proxy } = run.source;
      for (let count = 0; count < 10; count++) {
        await node.kill();
        let bytesLeft = run.random.between(1, 2 ** run.random.between(4, 18));
        const reached = new Promise<void>((resolve) => {
          proxy.onAnswer = (byteCount) => {
            bytesLeft -= byteCount;
            if (bytesLeft <= 0) resolve();
          };
        });
        // It may be ready before so many bytes have come.
        const started = node.restart().catch(() => {});
        await Promise.race([reached, started]);
        proxy.onAnswer = () => {};
        await node.kill();
        await started;
      }
      await node.restart();
    },
  },
  {
    name: "killed while it replays",
    gaps: "none",
    config: { journal: { maxEvents: 30 } },
    inject: async (run) => {
      for (let count = 0; count < 3; count++) {
        await whileAway(run, () => run.load.write(2_000));
        await passes(run.random.between(50, 500));
        await onlyNode(run).kill();
        await onlyNode(run).restart();
      }
    },
  },
  {
    name: "ends in order under load and comes back",
    gaps: "none",
    config: { drain: { window: "2s" } },
    isQuick: true,
    inject: (run) => onlyNode(run).restart(),
  },
  {
    name: "stands still for two seconds",
    gaps: "none",
    inject: (run) => whilePaused(onlyNode(run), () => passes(2_000)),
  },
  {
    name: "stands still for longer than its clients wait",
    gaps: "none",
    inject: (run) => whilePaused(onlyNode(run), () => passes(12_000)),
  },
  {
    name: "gets the processor for moments only",
    gaps: "none",
    inject: async (run) => {
      for (let count = 0; count < 40; count++) {
        await whilePaused(onlyNode(run), () => passes(run.random.between(20, 150)));
        await passes(run.random.between(5, 50));
      }
    },
  },
  {
    name: "two nodes are replaced one after the other",
    gaps: "none",
    nodes: 2,
    config: { drain: { window: "1s" } },
    isQuick: true,
    inject: async (run) => {
      for (const node of run.nodes) {
        await node.restart();
        await flows(run);
      }
    },
  },
  {
    name: "all clients move from one node to another and back, all the time",
    gaps: "none",
    nodes: 2,
    inject: async (run) => {
      const urls = run.nodes.map(({ url }) => url);
      for (let count = 0; count < 10; count++) {
        run.urls.splice(0, run.urls.length, ...urls.slice(count % 2, count % 2 + 1));
        for (const client of run.clients) client.cut();
        await passes(run.random.between(200, 900));
      }
      run.urls.splice(0, run.urls.length, ...urls);
    },
  },
  {
    name: "two nodes are killed in turn",
    gaps: "none",
    nodes: 2,
    inject: async (run) => {
      for (let count = 0; count < 4; count++) {
        const node = run.nodes[count % 2];
        await node?.kill();
        await passes(run.random.between(0, 500));
        await node?.restart();
      }
    },
  },
  {
    name: "one of two nodes stands still, and its clients go to the other",
    gaps: "none",
    nodes: 2,
    inject: async (run) => {
      const [node] = run.nodes;
      if (node !== undefined) await whilePaused(node, () => passes(8_000));
    },
  },
  {
    name: "one of two nodes is far behind the other",
    gaps: "none",
    nodes: 2,
    inject: async (run) => {
      const [node] = run.nodes;
      if (node === undefined) return;
      for (let count = 0; count < 5; count++) {
        await whilePaused(node, () => run.load.write(500));
        for (const client of run.clients) client.cut();
        await passes(300);
      }
    },
  },
  clockJump("clock jumps an hour ahead", 3_600),
  clockJump("clock jumps an hour back", -3_600),
  {
    name: "has no file descriptors left",
    gaps: "allowed",
    excuses: ["source-reset"],
    inject: async (run) => {
      const { pid } = onlyNode(run);
      const open = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
      await limitFiles(pid, open - run.clients.length + 1);
      for (let count = 0; count < 5; count++) {
        for (const client of run.clients) client.cut();
        await passes(500);
      }
      await limitFiles(pid, 4_096);
    },
  },
  {
    name: "ends every stream after its lifetime",
    gaps: "none",
    config: { streams: { maxLifetime: "10s", writeStall: "5s" } },
    inject: async (run) => {
      for (const client of run.clients) client.cutShare = 0;
      await passes(14_000);
    },
  },
];

function clockJump(name: string, seconds: number): Fault<KafkaSource> {
  const clockFile = (folder: string) => `${folder}/clock`;
  return {
    name,
    gaps: "none",
    environment: (folder) => {
      Deno.writeTextFileSync(clockFile(folder), "+0");
      return {
        LD_PRELOAD: FAKETIME_LIBRARY,
        FAKETIME_TIMESTAMP_FILE: clockFile(folder),
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      };
    },
    inject: async (run) => {
      const node = onlyNode(run);
      // Of half way between the two times: valid at one of them.
      const token = await signToken("nobody", new Date(Date.now() + seconds * 500));
      const status = async () => {
        const headers = { authorization: `Bearer ${token}` };
        const response = await fetch(`${node.url}/api/v1/events/poll?wait=0`, { headers });
        await response.body?.cancel();
        return response.status;
      };
      const before = await status();
      await Deno.writeTextFile(clockFile(node.folder), `${seconds < 0 ? "" : "+"}${seconds}`);
      await until("the gateway's clock has jumped", async () => await status() !== before);
      await flows(run, 300);
      await Deno.writeTextFile(clockFile(node.folder), "+0");
    },
  };
}

async function limitFiles(pid: number | null, count: number): Promise<void> {
  const command = new Deno.Command("prlimit", { args: ["--pid", `${pid}`, `--nofile=${count}:4096`] });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`Cannot limit the gateway's files: ${new TextDecoder().decode(stderr)}`);
}
