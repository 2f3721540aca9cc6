import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import type { Poll } from "../../src/stream/poll.ts";
import { simulate } from "./seam_world.ts";
import { seeds } from "./seeds.ts";
import type { SimulatedNode } from "./simulated_node.ts";

const SEEDS = 2_000;
/** Seeds within which a broken poll must be found out. */
const SABOTAGE_SEEDS = 300;

async function withFakeTime(run: (clock: Clock) => Promise<void>): Promise<void> {
  const clock = FakeTimers.install({
    now: Date.UTC(2026, 0, 1),
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
  });
  try {
    await run(clock);
  } finally {
    clock.uninstall();
  }
}

for (const share of [0.5, 1]) {
  Deno.test(`simulate: no seed loses, repeats or leaks an event where a share of ${share} of the streams are polls`, async () => {
    const [first, last] = seeds(SEEDS);
    let answers = 0;
    await withFakeTime(async (clock) => {
      for (let seed = first; seed <= last; seed++) {
        const { violations, steps, clients } = await simulate(seed, clock, undefined, share);
        answers += clients.flatMap(({ streams }) => streams).filter(({ isPoll, blocks }) => isPoll && blocks.length > 2)
          .length;
        if (violations.length === 0) continue;
        const story = first === last ? `\n\nWhat happened:\n  ${steps.join("\n  ")}` : "";
        const rerun = `Run it again: TIDEGATE_SEED=${seed} deno task test tests/simulation/poll_switch_test.ts`;
        assert.fail(`Seed ${seed}:\n  ${violations.slice(0, 20).join("\n  ")}\n${rerun}${story}`);
      }
    });
    assert.ok(
      first === last || answers > (last - first) / 3,
      `${answers} answers held anything: the runs show too little`,
    );
  });
}

/** Ways to break a poll; each must be noticed. */
const SABOTAGE: Readonly<Record<string, (poll: Poll) => void>> = {
  "an answer that leaves out what did not fit": (poll) => {
    const offer = poll.offer.bind(poll);
    poll.offer = (page) => offer({ ...page, ends: page.ends.slice(0, 1) });
  },
  "an answer without its gaps": (poll) => void (poll.announce = () => {}),
  "a poll that reads what its grants do not cover": (poll) => void (poll.accepts = () => true),
  "a poll that drops the first live frame": (poll) => {
    const deliver = poll.deliver.bind(poll);
    poll.deliver = (frames) => deliver(frames.length > 1 ? frames.slice(1) : frames);
  },
};

for (const [name, break_] of Object.entries(SABOTAGE)) {
  Deno.test(`checkHistory: notices ${name}`, async () => {
    const sabotage = ({ manager }: SimulatedNode) => {
      const open = manager.poll.bind(manager);
      manager.poll = (...init) => {
        const poll = open(...init);
        break_(poll);
        return poll;
      };
    };
    let noticed = 0;
    await withFakeTime(async (clock) => {
      for (let seed = 1; seed <= SABOTAGE_SEEDS && noticed === 0; seed++) {
        noticed += (await simulate(seed, clock, sabotage, 0.7)).violations.length;
      }
    });
    assert.ok(noticed > 0);
  });
}
