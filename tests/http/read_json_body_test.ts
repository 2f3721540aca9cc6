import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { BODY_TIMEOUT_MS, readJSONBody } from "../../src/http/read_json_body.ts";
import { stringifyExact } from "../../src/pipeline/exact_json.ts";

/** A request whose body comes in pieces that the test gives. */
function requestOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): Request {
  return new Request("http://h/", { method: "POST", headers: { "content-type": "application/json" }, body });
}

Deno.test("readJSONBody: a body that comes byte by byte and does not end in time is refused, and let go", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    let bytes = 0;
    let isCancelled = false;
    const reading = readJSONBody(
      requestOf(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 10_000));
            if (!isCancelled) controller.enqueue(new Uint8Array([0x20]));
            bytes++;
          },
          cancel: () => void (isCancelled = true),
        }, { highWaterMark: 0 }),
      ),
      1_000,
    );
    await clock.tickAsync(BODY_TIMEOUT_MS - 1);
    assert.equal(bytes, 2);
    await clock.tickAsync(1);
    const refused = await reading;
    assert.deepEqual([refused.kind, refused.kind === "refused" && refused.code], ["refused", "invalid-request"]);
    await clock.tickAsync(60_000);
    assert.ok(bytes <= 4, `${bytes} bytes were read on`);
  } finally {
    clock.uninstall();
  }
});

Deno.test("readJSONBody: a body of no announced length is read up to the limit and no further", async () => {
  for (const [count, kind] of [[10, "json"], [11, "refused"]] as const) {
    let pieces = 0;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(pieces === 0 ? "1" : " "));
        if (++pieces === count) controller.close();
      },
    }, { highWaterMark: 0 });
    assert.equal((await readJSONBody(requestOf(body), 10)).kind, kind);
  }
  let pieces = 0;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => (pieces++, controller.enqueue(new Uint8Array(1_000))),
  }, { highWaterMark: 0 });
  const refused = await readJSONBody(requestOf(endless), 10_000);
  assert.deepEqual([refused.kind, refused.kind === "refused" && refused.code], ["refused", "payload-too-large"]);
  assert.ok(pieces <= 12, `${pieces} pieces were read`);
});

Deno.test("readJSONBody: a body that breaks off is a bad request, no failure of ours", async () => {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.error(new TypeError("connection reset")),
  }, { highWaterMark: 0 });
  const refused = await readJSONBody(requestOf(body), 10);
  assert.deepEqual([refused.kind, refused.kind === "refused" && refused.code], ["refused", "invalid-request"]);
});

Deno.test("readJSONBody: a number that JSON.parse would change is kept, wherever in the body it stands", async () => {
  const numbers = ["1e999", "-1E+400", "12.5e0400", "9007199254740993", `1${"0".repeat(400)}.5`];
  for (const number of numbers) {
    for (const text of [number, `[${number}]`, `{"a": ${number}}`, `[1,\n${number}]`]) {
      const read = await readJSONBody(requestOf(new Blob([text]).stream()), 1_000);
      assert.equal(read.kind === "json" && stringifyExact(read.value), text.replaceAll(/[ \n]/g, ""), text);
    }
  }
});
