/**
 * Produces task records to Kafka at a fixed rate, each with its number and the time that it was due:
 *
 *     deno run -A bench/load/produce.ts BROKER TOPIC RECORDS_A_SECOND SECONDS USERS
 */
import { Kafka, logLevel } from "kafkajs";

const TICK_MS = 10;
const TIME_DIGITS = 3;

const [broker = "", topic = "", rate = "", seconds = "", users = ""] = Deno.args;
const producer = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR }).producer({ maxInFlightRequests: 1 });
await producer.connect();
const startMs = performance.now();
const total = Number(rate) * Number(seconds);
let sent = 0;
const inFlight = new Set<Promise<unknown>>();
while (sent < total) {
  const due = Math.min(total, Math.floor((performance.now() - startMs) * Number(rate) / 1_000));
  if (due > sent) {
    const messages = Array.from({ length: due - sent }, (_, index) => message(sent + index));
    sent = due;
    const sending: Promise<unknown> = producer.send({ topic, messages, acks: 1 }).finally(() =>
      inFlight.delete(sending)
    );
    inFlight.add(sending);
  }
  await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
await Promise.all(inFlight);
await producer.disconnect();
Deno.exit(0);

/** As the AI workers of docs/examples write it, most of it not for readers. */
function message(number: number) {
  const user = `u${number % Number(users)}`;
  const dueAtMs = performance.timeOrigin + startMs + number * 1_000 / Number(rate);
  const value = {
    type: "task.progress",
    task_id: String(number).padStart(10, "0"),
    user_id: user,
    novel_id: "n-7",
    progress: 42.5,
    stage: "drafting",
    message: `due ${dueAtMs.toFixed(TIME_DIGITS)}`,
    occurred_at: "2026-01-01T09:30:12.250Z",
    prompt: "You are a novelist. The heroine discovers that …",
    model: "writer-large-2",
    usage: { prompt_tokens: 5_120, completion_tokens: 1_822, cost_usd: 0.0182 },
    worker: { host: "gpu-17", attempt: 1 },
  };
  return { key: user, value: JSON.stringify(value) };
}
