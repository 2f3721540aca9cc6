import assert from "node:assert/strict";
import { ConnectionDirectory } from "../../src/admin/connection_directory.ts";
import { StreamHarness } from "../stream/stream_harness.ts";

function directoryOf({ manager, journal: { positions } }: StreamHarness): ConnectionDirectory {
  return new ConnectionDirectory(() => ({ manager, positions }));
}

Deno.test("ConnectionDirectory: a page goes on behind a stream that has gone meanwhile, and leaves out none", () => {
  using harness = new StreamHarness();
  const directory = directoryOf(harness);
  const streams = Array.from({ length: 5 }, (_, n) => {
    if (n === 3) harness.clock.tick(5);
    return harness.stream({ subject: `s${n}` }).connection;
  });
  const first = directory.page({ limit: 2 });
  assert.deepEqual(first.connections.map(({ subject }) => subject), ["s0", "s1"]);
  const after = first.next ?? "";
  assert.deepEqual(directory.page({ limit: 9, after }).connections.map(({ subject }) => subject), ["s2", "s3", "s4"]);
  streams[1]?.close("draining");
  streams[1]?.abandon();
  // Those of the same millisecond may come twice, none is left out.
  const again = directory.page({ limit: 9, after }).connections.map(({ subject }) => subject);
  assert.deepEqual(again, ["s0", "s2", "s3", "s4"]);
  for (const strange of ["", "x", "_", "9999999999999999_x", "-1_y"]) {
    assert.ok(directory.page({ limit: 9, after: strange }).connections.length <= 4);
  }
});

Deno.test("ConnectionDirectory: counts as open what it lists as open, not what ended and was not taken yet", () => {
  using harness = new StreamHarness();
  const directory = directoryOf(harness);
  const [first] = ["s0", "s1", "s2"].map((subject) => harness.stream({ subject }).connection);
  assert.equal(directory.page({ limit: 1 }).open, 3);
  first?.close("slow-consumer");
  const { open, connections } = directory.page({ limit: 9 });
  assert.deepEqual([open, connections.map(({ subject }) => subject)], [2, ["s1", "s2"]]);
});

Deno.test("ConnectionDirectory: remembers the last two hundred that ended, the newest first", () => {
  using harness = new StreamHarness();
  const directory = directoryOf(harness);
  for (let n = 0; n < 250; n++) {
    const { connection } = harness.stream({ subject: `s${n}` });
    connection.close("max-lifetime");
    directory.noteEnd(connection, "max-lifetime");
    connection.abandon();
  }
  const { ended } = directory.page({ limit: 200 });
  assert.equal(ended.length, 200);
  assert.deepEqual([ended[0]?.subject, ended.at(-1)?.subject], ["s249", "s50"]);
  assert.deepEqual(directory.endedOf("s100").map((each) => each.ended?.reason), ["max-lifetime"]);
  assert.equal(directory.find(ended[3]?.id ?? "")?.subject, "s246");
});
