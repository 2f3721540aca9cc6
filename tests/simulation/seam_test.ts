import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { simulate } from "./seam_world.ts";

const SEEDS = 10_000;

/** `TIDEGATE_SEED=17` runs that one seed, `TIDEGATE_SEED=17-2000` a range. */
function seeds(): readonly [first: number, last: number] {
  const [first, last] = (Deno.env.get("TIDEGATE_SEED") ?? `1-${SEEDS}`).split("-").map(Number);
  if (first === undefined || !Number.isSafeInteger(first)) {
    throw new TypeError("Cannot use TIDEGATE_SEED: it is no number");
  }
  return [first, last ?? first];
}

Deno.test("simulate: no seed loses, repeats, reorders or leaks an event where replay meets live", async () => {
  const [first, last] = seeds();
  const clock = FakeTimers.install({
    now: Date.UTC(2026, 0, 1),
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
  });
  try {
    for (let seed = first; seed <= last; seed++) {
      const { violations, steps } = await simulate(seed, clock);
      if (violations.length === 0) continue;
      const story = first === last ? `\n\nWhat happened:\n  ${steps.join("\n  ")}` : "";
      const rerun = `Run it again: TIDEGATE_SEED=${seed} deno task test tests/simulation`;
      assert.fail(`Seed ${seed}:\n  ${violations.slice(0, 20).join("\n  ")}\n${rerun}${story}`);
    }
  } finally {
    clock.uninstall();
  }
});
