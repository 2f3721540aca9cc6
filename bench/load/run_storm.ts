import { LatencyHistogram } from "../latency_histogram.ts";
import type { StormJob, StormResult } from "../load_job.ts";
import { cpuSeconds, memoryMB } from "../process_figures.ts";
import { ControlEventCounts } from "./control_event_counts.ts";
import { Epoll } from "./libc.ts";
import { seqOf } from "./payload.ts";
import { ReturningClient } from "./returning_client.ts";
import { Streams } from "./streams.ts";

const MAX_EVENTS_A_WAIT = 4_096;
const WAIT_MS = 10;
const MAX_PROBLEMS = 20;
/** Of Tidegate's envelope: its closing brace and the empty line. */
const BYTES_BEHIND_PAYLOAD = 3;

/** Lets clients come back in their time, and again whenever they are turned away, until all are at the head. */
export function runStorm(job: StormJob): StormResult {
  const { requests, eventsEach, pids } = job;
  const epoll = new Epoll(MAX_EVENTS_A_WAIT);
  const caughtUp = new LatencyHistogram();
  const controlEvents = new ControlEventCounts();
  const clients = requests.map((request) => new ReturningClient(request, job.cursor));
  const waiting = new Set<number>();
  let nowMs = performance.now();
  const startMs = nowMs;
  const streams = new Streams(job.port, requests, requests.length, epoll, {
    minFrameBytes: job.payloadBytes,
    block: (stream, buffer, start, end) => {
      const client = clients[stream];
      if (client === undefined) return;
      const payloadAt = end - job.payloadBytes - BYTES_BEHIND_PAYLOAD;
      const seq = payloadAt < start ? -1 : seqOf(buffer, payloadAt);
      const block = buffer.subarray(start, end);
      if (seq >= 0) return client.takeEvent(seq, block);
      controlEvents.add(block);
      if (client.takeControl(block)) caughtUp.add(nowMs - startMs - arrivalMs(job, stream));
    },
    ended: (stream) => {
      clients[stream]?.turnedAway(nowMs);
      waiting.add(stream);
    },
  });
  const cpuBefore = cpuSeconds(pids);
  let arrived = 0;
  while (caughtUp.count < requests.length && nowMs - startMs < job.timeoutMs) {
    while (arrived < requests.length && nowMs - startMs >= arrivalMs(job, arrived)) {
      streams.open(arrived, clients[arrived]?.request);
      arrived++;
    }
    for (const stream of waiting) {
      const client = clients[stream];
      if (client === undefined || client.comesBackAtMs > nowMs) continue;
      waiting.delete(stream);
      streams.open(stream, client.request);
    }
    const count = epoll.wait(WAIT_MS);
    for (let index = 0; index < count; index++) {
      nowMs = performance.now();
      streams.ready(epoll.tag(index), epoll.events(index));
    }
    nowMs = performance.now();
  }
  const refusals: Record<string, number> = {};
  for (const reason of clients.flatMap((client) => client.refusals)) refusals[reason] = (refusals[reason] ?? 0) + 1;
  const refused = clients.reduce((sum, client) => sum + client.refusals.length, 0);
  return {
    caughtUp: caughtUp.figures(),
    allMs: nowMs - startMs,
    told: clients.filter(({ wasTold }) => wasTold).length,
    late: clients.filter(({ isAtHead }) => !isAtHead).length,
    missing: clients.reduce(
      (sum, { isAtHead, wasTold, count }) => sum + (isAtHead && !wasTold ? Math.max(0, eventsEach - count) : 0),
      0,
    ),
    clientsOutOfOrder: clients.filter(({ isOutOfOrder }) => isOutOfOrder).length,
    refusals,
    cut: streams.failures.length - refused,
    serverCPUSeconds: cpuSeconds(pids) - cpuBefore,
    peakMB: memoryMB(pids).peakMB,
    controlEvents: controlEvents.counts(),
    // What a refusal is, has its own count.
    problems: streams.failures.filter((text) => !text.endsWith("it ended")).slice(0, MAX_PROBLEMS),
  };
}

/** When a client comes for the first time, from the start. */
function arrivalMs({ spreadMs, requests }: StormJob, client: number): number {
  return client * spreadMs / requests.length;
}
