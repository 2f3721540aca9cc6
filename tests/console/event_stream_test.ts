import assert from "node:assert/strict";
import { readEventStream, type StreamEvent } from "../../src/console/event_stream.ts";

async function eventsOf(chunks: readonly string[]): Promise<StreamEvent[]> {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      controller.close();
    },
  });
  const events: StreamEvent[] = [];
  await readEventStream(new Response(body), (event) => void events.push(event));
  return events;
}

const TEXT = `retry: 3000\nid: events:0:1~a\nevent: stream.opened\ndata: {}\n\n:\n\nid: events:0:2~a\n\n` +
  `id: events:0:3~a\nevent: a.b\ndata: {"x":\ndata: "é"}\n\nevent: cut.off\ndata: {`;

Deno.test("readEventStream: gives the events whatever pieces they come in, and leaves out heartbeats and what is cut off", async () => {
  const expected = [
    { id: "events:0:1~a", event: "stream.opened", data: "{}" },
    { id: "events:0:3~a", event: "a.b", data: `{"x":\n"é"}` },
  ];
  assert.deepEqual(await eventsOf([TEXT]), expected);
  assert.deepEqual(await eventsOf([...TEXT]), expected);
  for (let at = 1; at < TEXT.length; at += 7) {
    assert.deepEqual(await eventsOf([TEXT.slice(0, at), TEXT.slice(at)]), expected);
  }
});
