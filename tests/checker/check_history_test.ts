import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import type { Member } from "../../src/broadcast/broadcaster.ts";
import { CursorWriter } from "../../src/wire/cursor.ts";
import type { Frame } from "../../src/wire/frame.ts";
import { checkHistory } from "./check_history.ts";
import type { ClientHistory, Truth } from "./client_history.ts";
import type { Block } from "./event_stream_parser.ts";
import { isEvent, MUTATIONS } from "./mutations.ts";
import { simulate } from "../simulation/seam_world.ts";
import type { SimulatedNode } from "../simulation/simulated_node.ts";

const SEEDS = 120;
/** Seeds within which a broken gateway must be found out; most are in the first ten. */
const SABOTAGE_SEEDS = 300;

async function withFakeTime<Result>(run: (clock: Clock) => Promise<Result>): Promise<Result> {
  const clock = FakeTimers.install({
    now: Date.UTC(2026, 0, 1),
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
  });
  try {
    return await run(clock);
  } finally {
    clock.uninstall();
  }
}

interface Recorded {
  readonly truth: Truth;
  readonly history: ClientHistory;
}

/** True histories of clients that were never slow: nothing may be missing in them for any other reason than the mutation. */
async function recordedHistories(): Promise<readonly Recorded[]> {
  return await withFakeTime(async (clock) => {
    const recorded: Recorded[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { clients, truth, violations } = await simulate(seed, clock);
      assert.deepEqual(violations, []);
      for (const client of clients) {
        if (client.streams.every(({ wasSlow }) => !wasSlow)) recorded.push({ truth, history: client });
      }
    }
    return recorded;
  });
}

Deno.test("checkHistory: finds every change to a true history", async (t) => {
  const recorded = await recordedHistories();
  assert.ok(recorded.length > 30);
  for (const [name, mutate] of Object.entries(MUTATIONS)) {
    await t.step(name, () => {
      let count = 0;
      for (const { truth, history } of recorded) {
        for (const [number, stream] of history.streams.entries()) {
          for (const at of stream.blocks.keys()) {
            const blocks = mutate(stream, at, truth);
            if (blocks === undefined) continue;
            const streams = history.streams.with(number, { ...stream, blocks });
            const violations = checkHistory(truth, { ...copyOf(history), streams }, true);
            const block = stream.blocks[at];
            assert.ok(
              violations.length > 0,
              `${history.name}, stream ${number}, block ${at}: ${JSON.stringify(block)}`,
            );
            if (++count >= 300) return;
          }
        }
      }
      assert.ok(count >= 20, `only ${count} cases`);
    });
  }
});

function copyOf({ name, scopes, patterns, grants, streams }: ClientHistory): ClientHistory {
  return { name, scopes, patterns, grants, streams };
}

/** Ways to break a node, each of which breaks a promise. */
const SABOTAGES: Readonly<Record<string, (node: SimulatedNode) => void>> = {
  "a member that gets what its replay has covered": ({ broadcaster }) => {
    const join = broadcaster.join.bind(broadcaster);
    broadcaster.join = (member, scopes, patterns) => join(asIf(member, { joinedAfterSeq: -1 }), scopes, patterns);
  },
  "a seam that is not synchronous": ({ manager }) => {
    const join = manager.join.bind(manager);
    manager.join = (connection) => queueMicrotask(() => join(connection));
  },
  "a broadcaster that drops a frame now and then": ({ broadcaster }) => {
    const publish = broadcaster.publish.bind(broadcaster);
    let count = 0;
    broadcaster.publish = (frames) => publish(++count % 20 === 0 ? [] : frames);
  },
  "a broadcaster that does not look at the audience": ({ broadcaster }) => {
    const join = broadcaster.join.bind(broadcaster);
    broadcaster.join = (member, scopes, patterns) => join(asIf(member, { mayRead: () => true }), scopes, patterns);
  },
  "a broadcaster that does not know in which order the scopes were asked for": ({ broadcaster }) => {
    const join = broadcaster.join.bind(broadcaster);
    broadcaster.join = (member, scopes, patterns) =>
      join(asIf(member, { scopes: member.scopes.toReversed() }), scopes, patterns);
  },
  "a broadcaster that repeats a record of several scopes": ({ broadcaster }) => {
    const publish = broadcaster.publish.bind(broadcaster);
    broadcaster.publish = (frames) => {
      for (const frame of frames) {
        publish([frame]);
        broadcaster.flush();
      }
    };
  },
  "a journal that forgets what it let go of": ({ journal }) => {
    journal.floor = () => 0n;
  },
  "a journal that shortens its pages": ({ journal }) => {
    const read = journal.read.bind(journal);
    journal.read = (selection, at, maxFrames) => {
      const { frames } = read(selection, at, maxFrames);
      return { frames: frames.slice(0, 4), isHead: true };
    };
  },
  "a journal that tells all of a gap to who has read a part of it": ({ journal }) => {
    const met = new Map<number, Frame>();
    const [announce, read] = [journal.announce.bind(journal), journal.read.bind(journal)];
    journal.announce = (...gap) => {
      const frame = announce(...gap);
      met.set(frame.seq, frame);
      return frame;
    };
    journal.read = (...where) => {
      const { frames, isHead } = read(...where);
      return { frames: frames.map((frame) => met.get(frame.seq) ?? frame), isHead };
    };
  },
  "a history that skips a record": ({ context }) => {
    for (const { passes } of context.replay.histories.flatMap(({ rungs }) => rungs)) {
      const read = passes.read.bind(passes);
      passes.read = async (...where) => {
        const stretch = await read(...where);
        return { ...stretch, framesOf: (scopes) => stretch.framesOf(scopes).slice(1) };
      };
    }
  },
  "a history that hides its gaps": ({ context }) => {
    for (const { passes } of context.replay.histories.flatMap(({ rungs }) => rungs)) {
      const read = passes.read.bind(passes);
      passes.read = async (...where) => {
        const { gap: _hidden, ...stretch } = await read(...where);
        return stretch;
      };
    }
  },
  "a cursor that claims more than was read": ({ journal }) => {
    const cursor = journal.cursor.bind(journal);
    journal.cursor = () => {
      const writer = new CursorWriter(journal.positions.clone());
      writer.advance(0, 0, (journal.positions.next(0, 0) ?? 0n) + 1n);
      return journal.headSeq % 3 === 0 ? writer.text() : cursor();
    };
  },
};

/** The member, but for what is replaced. */
function asIf(member: Member, replaced: Partial<Member>): Member {
  return {
    joinedAfterSeq: replaced.joinedAfterSeq ?? member.joinedAfterSeq,
    scopes: replaced.scopes ?? member.scopes,
    mayRead: replaced.mayRead ?? ((frame) => member.mayRead(frame)),
    deliver: (frames, chunk, nowMs) => member.deliver(frames, chunk, nowMs),
  };
}

Deno.test("checkHistory: of two copies of one event each must come, under its own id", async () => {
  let found = 0;
  for (const { truth, history } of await recordedHistories()) {
    const copied = withCopies(truth, history);
    if (copied === undefined) continue;
    found++;
    const [stream] = copied.history.streams;
    assert.ok(stream !== undefined);
    assert.deepEqual(checkHistory(copied.truth, copied.history, false), []);
    const shortened = { ...copied.history, streams: [{ ...stream, blocks: stream.blocks.toSpliced(copied.at, 1) }] };
    assert.notDeepEqual(checkHistory(copied.truth, shortened, false), []);
  }
  assert.ok(found > 0, "no history had two events to make copies of");
});

/** The first stream alone, where two of its events, not the last ones, become copies of one. */
function withCopies(truth: Truth, history: ClientHistory): Recorded & { readonly at: number } | undefined {
  const [stream] = history.streams;
  // What is behind the last id the client does not know to be complete.
  const lastId = stream?.blocks.findLastIndex(({ id }) => id !== undefined) ?? 0;
  const events = stream?.blocks.slice(0, lastId).filter(isEvent) ?? [];
  const shape = (block: Block) => JSON.stringify([block.event, { ...JSON.parse(block.data ?? ""), data: 0, time: 0 }]);
  for (const [index, second] of events.entries()) {
    const first = events.slice(0, index).find((other) => shape(other) === shape(second));
    if (stream === undefined || first === undefined || second.id === undefined) continue;
    const [key, replaced] = [first, second].map(({ data }) => JSON.parse(data ?? "").data.key);
    const rename = (text: string) => text.replaceAll(JSON.stringify(replaced), JSON.stringify(key));
    const copy = structuredClone(truth);
    for (
      const { event } of copy.sources.flatMap(({ epochs }) => epochs).flatMap(({ partitions }) => partitions)
        .flatMap(({ records }) => records)
    ) {
      if (event !== undefined && event.key === replaced) Object.assign(event, { key });
    }
    const blocks = stream.blocks.map((block) =>
      block === second ? { ...block, data: rename(block.data ?? "") } : block
    );
    const at = stream.blocks.indexOf(second);
    return { truth: copy, history: { ...history, streams: [{ ...stream, blocks }] }, at };
  }
  return undefined;
}

Deno.test("simulate: finds every way to break a node", async (t) => {
  for (const [name, sabotage] of Object.entries(SABOTAGES)) {
    await t.step(name, async () => {
      await withFakeTime(async (clock) => {
        for (let seed = 1; seed <= SABOTAGE_SEEDS; seed++) {
          const { violations } = await simulate(seed, clock, sabotage);
          if (violations.length > 0) return;
        }
        assert.fail(`${SABOTAGE_SEEDS} seeds did not find it`);
      });
    });
  }
});
