import { LatencyHistogram } from "../latency_histogram.ts";
import type { ListenJob, ListenResult } from "../load_job.ts";
import { cpuSeconds, memoryMB } from "../process_figures.ts";
import { ControlEventCounts } from "./control_event_counts.ts";
import { Epoll } from "./libc.ts";
import { openAll, Streams } from "./streams.ts";

const MAX_EVENTS_A_WAIT = 4_096;
const MAX_OPENING = 64;
const OPEN_TIMEOUT_MS = 30_000;
const WAIT_MS = 10;
const PRODUCER_END_MS = 5_000;
const MAX_PROBLEMS = 20;
const TASK = /"taskId":"(\d{10})".*"message":"due ([\d.]+)"/;

/** Only reads: the producer, a process of its own, publishes `events` task records, numbered from 0, to the streams in turn. */
export async function runListen(job: ListenJob): Promise<ListenResult> {
  const { requests, events } = job;
  const decoder = new TextDecoder();
  const epoll = new Epoll(MAX_EVENTS_A_WAIT);
  const latency = new LatencyHistogram();
  const controlEvents = new ControlEventCounts();
  const timesSeen = new Uint8Array(events);
  const lastOf = new Int32Array(requests.length).fill(-1);
  let outOfOrder = 0;
  let received = 0;
  let nowMs = performance.now();
  const streams = new Streams(job.port, requests, MAX_OPENING, epoll, {
    block: (stream, buffer, start, end) => {
      const block = buffer.subarray(start, end);
      const [, number = "", dueAt = ""] = TASK.exec(decoder.decode(block)) ?? [];
      if (number === "") return controlEvents.add(block);
      const seq = Number(number);
      timesSeen[seq] = (timesSeen[seq] ?? 0) + 1;
      received++;
      if (seq <= (lastOf[stream] ?? -1)) outOfOrder++;
      lastOf[stream] = seq;
      if (seq >= job.measuredFrom) latency.add(performance.timeOrigin + nowMs - Number(dueAt));
    },
  });
  openAll(streams, epoll, OPEN_TIMEOUT_MS);
  const [program = "", ...args] = job.producer;
  const producer = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "inherit" }).spawn();
  const cpuBefore = cpuSeconds(job.pids);
  const startMs = performance.now();
  while (received < events && nowMs - startMs < job.timeoutMs) {
    const count = epoll.wait(WAIT_MS);
    for (let index = 0; index < count; index++) {
      nowMs = performance.now();
      streams.ready(epoll.tag(index), epoll.events(index));
    }
    nowMs = performance.now();
  }
  const ownMs = nowMs - startMs;
  const peakMB = memoryMB(job.pids).peakMB;
  const serverCPUSeconds = cpuSeconds(job.pids) - cpuBefore;
  const impatience = setTimeout(() => producer.kill("SIGKILL"), PRODUCER_END_MS);
  const { code } = await producer.status;
  clearTimeout(impatience);
  return {
    received,
    missing: timesSeen.reduce((sum, times) => sum + (times === 0 ? 1 : 0), 0),
    duplicates: timesSeen.reduce((sum, times) => sum + Math.max(0, times - 1), 0),
    outOfOrder,
    latency: latency.figures(),
    serverCPUSeconds,
    elapsedMs: ownMs,
    peakMB,
    controlEvents: controlEvents.counts(),
    problems: [...(code === 0 ? [] : [`the producer ended with ${code}`]), ...streams.failures.slice(0, MAX_PROBLEMS)],
  };
}
