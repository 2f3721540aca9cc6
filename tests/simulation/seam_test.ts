import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { simulate } from "./seam_world.ts";
import { seeds } from "./seeds.ts";

const SEEDS = 10_000;

Deno.test("simulate: no seed loses, repeats, reorders or leaks an event where replay meets live", async () => {
  const [first, last] = seeds(SEEDS);
  const clock = FakeTimers.install({
    now: Date.UTC(2026, 0, 1),
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
  });
  try {
    const replays = { journal: 0, redis: 0, bus: 0 };
    for (let seed = first; seed <= last; seed++) {
      const { violations, steps, origins } = await simulate(seed, clock);
      for (const origin of origins) replays[origin]++;
      if (violations.length === 0) continue;
      const story = first === last ? `\n\nWhat happened:\n  ${steps.join("\n  ")}` : "";
      const rerun = `Run it again: TIDEGATE_SEED=${seed} deno task test tests/simulation`;
      assert.fail(`Seed ${seed}:\n  ${violations.slice(0, 20).join("\n  ")}\n${rerun}${story}`);
    }
    // Seeds that no longer reach a rung would prove nothing of it.
    if (last - first > 1_000) assert.ok(Math.min(...Object.values(replays)) > 100, JSON.stringify(replays));
  } finally {
    clock.uninstall();
  }
});
