import assert from "node:assert/strict";
import type { BusRecord } from "../../src/model/bus_record.ts";
import { BusStretches } from "../../src/replay/bus_stretches.ts";
import type { Frame } from "../../src/wire/frame.ts";
import { FakeHistory } from "./fake_history.ts";

const RECORDS = 1_000;
const MS_A_RECORD = 0.2;

/** A log whose records take their time to map. */
class SlowHistory extends FakeHistory {
  override framesOf(partition: number, records: readonly BusRecord[]): readonly Frame[] {
    const endMs = performance.now() + records.length * MS_A_RECORD;
    while (performance.now() < endMs);
    return super.framesOf(partition, records);
  }
}

for (const batch of [1_000, 8]) {
  Deno.test(`BusStretches.read: the event loop runs between records that come ${batch} at once`, () =>
    readSlowly(batch));
}

async function readSlowly(batch: number): Promise<void> {
  const history = new SlowHistory("e", BigInt(RECORDS));
  history.batch = BigInt(batch);
  const stretches = new BusStretches(history, RECORDS);
  let longestMs = 0;
  let isRead = false;
  const watch = async () => {
    for (let atMs = performance.now(); !isRead; atMs = performance.now()) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      longestMs = Math.max(longestMs, performance.now() - atMs);
    }
  };
  const watching = watch();
  const { frames, next } = await stretches.read("e", 0, 0n, BigInt(RECORDS));
  isRead = true;
  await watching;
  assert.deepEqual([frames.length, next], [RECORDS, BigInt(RECORDS)]);
  assert.deepEqual(frames.map(({ offset }) => offset), Array.from({ length: RECORDS }, (_, index) => BigInt(index)));
  const allMs = RECORDS * MS_A_RECORD;
  assert.ok(longestMs < allMs / 2, `the loop stood still for ${longestMs} of ${allMs} ms`);
}
