/** The quick rows of the fault suite; all of them: `deno task faults`. */
import assert from "node:assert/strict";
import { seeds } from "../simulation/seeds.ts";
import type { Fault } from "./fault.ts";
import { flows } from "./fault_run.ts";
import { FAULTS } from "./fault_table.ts";
import { FaultServers } from "./fault_servers.ts";
import { KafkaSource } from "./kafka_source.ts";
import { reportFault } from "./report_fault.ts";
import { runFault } from "./run_fault.ts";

Deno.test("faults: nothing is lost in silence, whatever fails", async (t) => {
  const [seed] = seeds(1);
  await using servers = new FaultServers();
  for (const fault of FAULTS.filter(({ isQuick }) => isQuick)) {
    await t.step(fault.name, async () => {
      const { isGreen, text } = await reportFault(fault, servers, seed);
      assert.ok(isGreen, text);
    });
  }

  await t.step("runFault: what was written for one user and came to another is a loss and a leak", async () => {
    await using source = await KafkaSource.open(servers, {});
    const fault: Fault<KafkaSource> = {
      name: "the truth is another one",
      gaps: "none",
      inject: async (run) => {
        await flows(run, 50);
        const records = source.log.epochs[0]?.partitions[0]?.records ?? [];
        const at = records.findLastIndex(({ event }) => event?.scopes[0] === "user:u0");
        const [record] = records.slice(at);
        assert.ok(record?.event !== undefined);
        records[at] = { ...record, event: { ...record.event, scopes: ["user:u1"] } };
      },
    };
    const { violations } = await runFault(fault, source, 1);
    assert.match(violations.join("\n"), /client 0 \(u0\).* is not for this reader/);
    assert.match(violations.join("\n"), /client 1 \(u1\).* was lost in silence/);
  });
});
