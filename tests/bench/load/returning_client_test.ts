import assert from "node:assert/strict";
import { ReturningClient } from "../../../bench/load/returning_client.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const cursorOf = ({ request }: ReturningClient) => /Last-Event-ID: (.*)\r\n/.exec(request)?.[1];

Deno.test("ReturningClient: comes back with its last id, of an event, a control event or a checkpoint", () => {
  const client = new ReturningClient("GET / HTTP/1.1\r\nHost: bench\r\n\r\n", "first");
  assert.equal(client.request, "GET / HTTP/1.1\r\nHost: bench\r\nLast-Event-ID: first\r\n\r\n");
  client.takeEvent(0, encode("id: a-longer-one-than-before\nevent: x.y\ndata: {}\n\n"));
  assert.equal(cursorOf(client), "a-longer-one-than-before");
  client.takeControl(encode("retry: 2000\nid: short\nevent: stream.opened\ndata: {}\n\n"));
  assert.equal(cursorOf(client), "short");
  client.takeControl(encode("id: checkpoint\n\n"));
  assert.equal(cursorOf(client), "checkpoint");
});

Deno.test("ReturningClient: a refusal is counted by its reason and waited out as told; a stream that was cut is none", () => {
  const client = new ReturningClient("\r\n\r\n", "c");
  client.takeControl(
    encode('retry: 7000\nevent: stream.closing\ndata: {"reason":"overloaded","retryAfterMs":7000}\n\n'),
  );
  client.turnedAway(100);
  assert.deepEqual([client.refusals, client.comesBackAtMs], [["overloaded"], 7_100]);
  client.takeControl(encode("retry: 2000\nevent: stream.opened\ndata: {}\n\n"));
  client.takeControl(encode('retry: 3000\nevent: stream.closing\ndata: {"reason":"slow-consumer"}\n\n'));
  client.turnedAway(100);
  assert.deepEqual([client.refusals, client.comesBackAtMs], [["overloaded"], 3_100]);
});

Deno.test("ReturningClient: knows a repeated event, a gap, and when it has reached the head for the first time", () => {
  const client = new ReturningClient("\r\n\r\n", "c");
  const event = encode("id: i\nevent: x.y\ndata: {}\n\n");
  for (const seq of [0, 5]) client.takeEvent(seq, event);
  assert.deepEqual([client.count, client.isOutOfOrder, client.wasTold, client.isAtHead], [2, false, false, false]);
  client.takeControl(encode("id: i\nevent: stream.gap-detected\ndata: {}\n\n"));
  const caughtUp = encode("id: i\nevent: stream.caught-up\ndata: {}\n\n");
  assert.deepEqual([client.takeControl(caughtUp), client.takeControl(caughtUp)], [true, false]);
  client.takeEvent(5, event);
  assert.deepEqual([client.isOutOfOrder, client.wasTold, client.isAtHead], [true, true, true]);
});
