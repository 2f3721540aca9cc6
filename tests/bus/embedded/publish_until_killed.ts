/** A process for `sqlite_file_test.ts`: publishes to the log at its first argument and prints each acknowledged offset. */
import { openEmbeddedBus } from "../../../src/bus/embedded/open_embedded_bus.ts";

const encoder = new TextEncoder();
const bus = await openEmbeddedBus({ source: "demo", path: Deno.args[0] ?? "" });
for (;;) {
  const publishes = Array.from({ length: 20 }, () => bus.publish([{ key: null, value: new Uint8Array(3_000) }]));
  const offsets = (await Promise.all(publishes)).flat().map(({ offset }) => `${offset}\n`);
  Deno.stdout.writeSync(encoder.encode(offsets.join("")));
}
