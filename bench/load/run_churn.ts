import type { ChurnJob, ChurnResult, MemorySample } from "../load_job.ts";
import { cpuSeconds, memoryMB } from "../process_figures.ts";
import { Epoll } from "./libc.ts";
import { Publisher } from "./publisher.ts";
import { Streams } from "./streams.ts";

const MAX_EVENTS_A_WAIT = 4_096;
const WAIT_MS = 1;
const SAMPLE_EVERY_MS = 2_000;
const MAX_PROBLEMS = 20;
const MS_A_MINUTE = 60_000;

/** Opens and closes streams at a steady rate, the oldest always next, and looks at the server's memory. */
export function runChurn(job: ChurnJob): ChurnResult {
  const { requests, scopes } = job;
  const epoll = new Epoll(MAX_EVENTS_A_WAIT);
  let blocks = 0;
  const streams = new Streams(job.port, requests, requests.length, epoll, { block: () => void blocks++ });
  const publisher = new Publisher({ ...job, epoll, tag: requests.length });
  const samples: MemorySample[] = [];
  const cpuBefore = cpuSeconds(job.pids);
  const startMs = performance.now();
  let nowMs = startMs;
  let opened = 0;
  let published = 0;
  while (nowMs - startMs < job.durationMs) {
    const elapsedMs = nowMs - startMs;
    while (opened < elapsedMs * job.opensPerSecond / 1_000) {
      const stream = opened++ % requests.length;
      streams.close(stream);
      streams.open(stream);
    }
    while (published < elapsedMs * job.eventsPerSecond / 1_000) {
      publisher.offer(published, published % scopes.length);
      published++;
    }
    publisher.flush();
    if (elapsedMs >= samples.length * SAMPLE_EVERY_MS) {
      samples.push({ minutes: elapsedMs / MS_A_MINUTE, rssMB: memoryMB(job.pids).rssMB });
    }
    const count = epoll.wait(WAIT_MS);
    for (let index = 0; index < count; index++) {
      const tag = epoll.tag(index);
      if (tag < requests.length) streams.ready(tag, epoll.events(index));
      else publisher.ready();
    }
    nowMs = performance.now();
  }
  return {
    opened,
    failed: streams.failures.length,
    blocks,
    samples,
    serverCPUSeconds: cpuSeconds(job.pids) - cpuBefore,
    problems: streams.failures.slice(0, MAX_PROBLEMS),
  };
}
