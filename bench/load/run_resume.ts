import { LatencyHistogram } from "../latency_histogram.ts";
import type { ResumeJob, ResumeResult } from "../load_job.ts";
import { cpuSeconds, memoryMB } from "../process_figures.ts";
import { ControlEventCounts } from "./control_event_counts.ts";
import { Epoll } from "./libc.ts";
import { seqOf } from "./payload.ts";
import { Streams } from "./streams.ts";

const MAX_EVENTS_A_WAIT = 4_096;
const WAIT_MS = 50;
const MAX_PROBLEMS = 20;
/** Of Tidegate's envelope: its closing brace and the empty line. */
const BYTES_BEHIND_PAYLOAD = 3;

/** Opens all streams at once, each with a cursor, and reads until each has what it missed. */
export function runResume(job: ResumeJob): ResumeResult {
  const { requests, eventsEach, pids } = job;
  const epoll = new Epoll(MAX_EVENTS_A_WAIT);
  const first = new LatencyHistogram();
  const last = new LatencyHistogram();
  const controlEvents = new ControlEventCounts();
  const requestedAtMs = new Float64Array(requests.length);
  const counts = new Uint32Array(requests.length);
  const lastSeq = new Int32Array(requests.length).fill(-1);
  const isOutOfOrder = new Uint8Array(requests.length);
  let done = 0;
  let nowMs = performance.now();
  const streams = new Streams(job.port, requests, requests.length, epoll, {
    minFrameBytes: job.payloadBytes,
    requested: (stream) => requestedAtMs[stream] = nowMs,
    block: (stream, buffer, start, end) => {
      const payloadAt = end - job.payloadBytes - BYTES_BEHIND_PAYLOAD;
      const seq = payloadAt < start ? -1 : seqOf(buffer, payloadAt);
      if (seq < 0) return controlEvents.add(buffer.subarray(start, end));
      if (seq <= (lastSeq[stream] ?? -1)) isOutOfOrder[stream] = 1;
      lastSeq[stream] = seq;
      const count = (counts[stream] ?? 0) + 1;
      counts[stream] = count;
      const latencyMs = nowMs - (requestedAtMs[stream] ?? nowMs);
      if (count === 1) first.add(latencyMs);
      if (count === eventsEach) {
        last.add(latencyMs);
        done++;
      }
    },
  });
  const cpuBefore = cpuSeconds(pids);
  const startMs = nowMs;
  while (done + streams.failures.length < requests.length && nowMs - startMs < job.timeoutMs) {
    streams.openMore();
    const count = epoll.wait(WAIT_MS);
    for (let index = 0; index < count; index++) {
      nowMs = performance.now();
      streams.ready(epoll.tag(index), epoll.events(index));
    }
    nowMs = performance.now();
  }
  return {
    first: first.figures(),
    last: last.figures(),
    allMs: nowMs - startMs,
    failedStreams: streams.failures.length,
    missing: counts.reduce((sum, count) => sum + Math.max(0, eventsEach - count), 0),
    streamsOutOfOrder: isOutOfOrder.reduce((sum, each) => sum + each, 0),
    serverCPUSeconds: cpuSeconds(pids) - cpuBefore,
    peakMB: memoryMB(pids).peakMB,
    controlEvents: controlEvents.counts(),
    problems: streams.failures.slice(0, MAX_PROBLEMS),
  };
}
