import assert from "node:assert/strict";
import fc from "fast-check";
import { bodyDigest, IdempotencyWindow, isIdempotencyKey } from "../../src/guard/idempotency_window.ts";

const ALICE = { issuer: "i", subject: "alice" };
const BOB = { issuer: "i", subject: "bob" };

function start(limits: Partial<{ windowMs: number; maxKeys: number; weigh: (ids: readonly string[]) => number }> = {}) {
  const time = { ms: 0 };
  const window = new IdempotencyWindow<readonly string[]>({ windowMs: 1_000, maxKeys: 100, ...limits }, () => time.ms);
  let works = 0;
  /** Work that gives a new id each time. */
  const work = () => Promise.resolve([`id${++works}`]);
  return { time, window, work, works: () => works };
}

Deno.test("IdempotencyWindow: same key and body give the same ids, within the window", async () => {
  const { time, window, work, works } = start();
  assert.deepEqual(await window.run(ALICE, "k", "d", work), { kind: "done", result: ["id1"], isRepeat: false });
  time.ms = 999;
  assert.deepEqual(await window.run(ALICE, "k", "d", work), { kind: "done", result: ["id1"], isRepeat: true });
  time.ms = 1_000;
  assert.deepEqual(await window.run(ALICE, "k", "d", work), { kind: "done", result: ["id2"], isRepeat: false });
  assert.equal(works(), 2);
});

Deno.test("IdempotencyWindow: another body under the key is a conflict, finished or not", async () => {
  const { window, work, works } = start();
  const held = Promise.withResolvers<readonly string[]>();
  const first = window.run(ALICE, "k", "d", () => held.promise);
  assert.deepEqual(await window.run(ALICE, "k", "other", work), { kind: "conflict" });
  held.resolve(["id"]);
  await first;
  assert.deepEqual(await window.run(ALICE, "k", "other", work), { kind: "conflict" });
  assert.equal(works(), 0);
});

Deno.test("IdempotencyWindow: a repeat waits for the first that is under way", async () => {
  const { window, works, work } = start();
  const held = Promise.withResolvers<readonly string[]>();
  const first = window.run(ALICE, "k", "d", () => held.promise);
  const repeats = [window.run(ALICE, "k", "d", work), window.run(ALICE, "k", "d", work)];
  held.resolve(["the one"]);
  assert.deepEqual(await first, { kind: "done", result: ["the one"], isRepeat: false });
  for (const repeat of await Promise.all(repeats)) {
    assert.deepEqual(repeat, { kind: "done", result: ["the one"], isRepeat: true });
  }
  assert.equal(works(), 0);
});

Deno.test("IdempotencyWindow: the window begins when the work is done, not when it began", async () => {
  const { time, window, work } = start();
  const held = Promise.withResolvers<readonly string[]>();
  const first = window.run(ALICE, "k", "d", () => held.promise);
  time.ms = 5_000;
  held.resolve(["slow"]);
  await first;
  time.ms = 5_999;
  assert.deepEqual(await window.run(ALICE, "k", "d", work), { kind: "done", result: ["slow"], isRepeat: true });
});

Deno.test("IdempotencyWindow: work that fails frees its key, and whoever waited gets its error", async () => {
  const { window, work } = start();
  const held = Promise.withResolvers<readonly string[]>();
  const runs = [window.run(ALICE, "k", "d", () => held.promise), window.run(ALICE, "k", "d", work)];
  held.reject(new Error("bus is down"));
  for (const settled of await Promise.allSettled(runs)) {
    assert.equal(settled.status === "rejected" && settled.reason.message, "bus is down");
  }
  assert.equal(window.weight, 0);
  assert.deepEqual(await window.run(ALICE, "k", "other body", work), {
    kind: "done",
    result: ["id1"],
    isRepeat: false,
  });
  const thrown = window.run(ALICE, "k2", "d", () => {
    throw new TypeError("at once");
  });
  await assert.rejects(thrown, TypeError);
  assert.equal((await window.run(ALICE, "k2", "d", work)).kind, "done");
});

Deno.test("IdempotencyWindow: a key belongs to its principal, whatever the texts are joined to", async () => {
  const { window, work } = start();
  const results = [];
  for (
    const [issuer, subject, key] of [
      ["i", "alice", "k"],
      ["i", "bob", "k"],
      ["j", "alice", "k"],
      ["i:alice", "k", "k"],
      ["i", "alice:k", "k"],
      ["ia", "lice", "k"],
      ["i", "__proto__", "k"],
    ] as const
  ) results.push(await window.run({ issuer, subject }, key, "d", work));
  assert.deepEqual(results.map((outcome) => outcome.kind === "done" && outcome.isRepeat), results.map(() => false));
});

Deno.test("IdempotencyWindow: beyond its limit the key that was done first is forgotten, an owner's own before others'", async () => {
  const { window, work } = start({ maxKeys: 4 });
  await window.run(BOB, "bob", "d", work);
  for (const key of ["a", "b", "c"]) await window.run(ALICE, key, "d", work);
  const isRepeat = async (owner: typeof ALICE, key: string) => {
    const outcome = await window.run(owner, key, "d", work);
    return outcome.kind === "done" && outcome.isRepeat;
  };
  assert.equal(await isRepeat(BOB, "bob"), true);
  assert.equal(await isRepeat(ALICE, "c"), true);
  assert.equal(await isRepeat(ALICE, "b"), true);
  assert.equal(await isRepeat(ALICE, "a"), false);
  assert.ok(window.weight <= 4);
});

Deno.test("IdempotencyWindow: an owner whose last key had to make room for its next one is not forgotten with it", async () => {
  const { window, work } = start({ maxKeys: 2 });
  await window.run(ALICE, "a", "d", work);
  await window.run(ALICE, "b", "d", work);
  assert.deepEqual(await window.run(ALICE, "b", "d", work), { kind: "done", result: ["id2"], isRepeat: true });
  assert.equal(window.weight, 1);
});

Deno.test("IdempotencyWindow: when all its room is under way it is full, and nothing runs", async () => {
  const { window, work, works } = start({ maxKeys: 2 });
  const held = Promise.withResolvers<readonly string[]>();
  const running = [window.run(ALICE, "a", "d", () => held.promise), window.run(BOB, "b", "d", () => held.promise)];
  assert.deepEqual(await window.run(ALICE, "c", "d", work), { kind: "full" });
  assert.deepEqual(await window.run({ issuer: "x", subject: "y" }, "c", "d", work), { kind: "full" });
  assert.equal(works(), 0);
  held.resolve([]);
  await Promise.all(running);
  assert.equal((await window.run(ALICE, "c", "d", work)).kind, "done");
});

Deno.test("IdempotencyWindow: large results count for more", async () => {
  const { window } = start({ maxKeys: 10, weigh: (ids) => ids.length });
  for (const key of ["a", "b", "c"]) {
    await window.run({ ...ALICE, subject: key }, key, "d", () => Promise.resolve(Array.from({ length: 5 }, () => key)));
  }
  assert.ok(window.weight <= 10);
  const newest = await window.run({ ...ALICE, subject: "c" }, "c", "d", () => Promise.resolve([]));
  assert.equal(newest.kind === "done" && newest.isRepeat, true);
  await window.run(BOB, "huge", "d", () => Promise.resolve(Array.from({ length: 50 }, String)));
  assert.ok(window.weight <= 10);
});

Deno.test("IdempotencyWindow: does each body's work once, and never holds more than its limit, in any order of events", async () => {
  const step = fc.record({
    owner: fc.nat({ max: 2 }),
    key: fc.nat({ max: 3 }),
    body: fc.nat({ max: 1 }),
    fails: fc.boolean(),
    waitMs: fc.nat({ max: 400 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.constantFrom(6, 1_000), async (steps, maxKeys) => {
      const { time, window } = start({ maxKeys });
      const model = new Map<string, { body: number; result: string; doneAtMs: number }>();
      for (const [at, { owner, key, body, fails, waitMs }] of steps.entries()) {
        time.ms += waitMs;
        const outcome = await window.run(
          { issuer: "i", subject: `${owner}` },
          `${key}`,
          `${body}`,
          () => fails ? Promise.reject(new Error("fails")) : Promise.resolve([`${at}`]),
        ).catch(() => undefined);
        const name = `${owner}/${key}`;
        const known = model.get(name);
        const isFresh = known !== undefined && time.ms - known.doneAtMs < 1_000;
        // With room for all, none may be forgotten within the window.
        if (isFresh && maxKeys === 1_000) {
          assert.equal(
            outcome?.kind === "done" ? outcome.isRepeat : outcome?.kind,
            known.body === body ? true : "conflict",
          );
        }
        if (outcome?.kind === "done" && outcome.isRepeat) {
          assert.ok(isFresh && known.body === body);
          assert.deepEqual(outcome.result, [known.result]);
        } else if (outcome?.kind === "conflict") {
          assert.ok(isFresh && known.body !== body);
        } else if (outcome?.kind === "done") {
          model.set(name, { body, result: `${at}`, doneAtMs: time.ms });
        } else if (outcome === undefined) {
          model.delete(name);
        }
        assert.ok(window.weight <= maxKeys);
      }
    }),
  );
});

Deno.test("isIdempotencyKey: 1 to 128 visible ASCII characters", () => {
  for (const key of ["a", "4f1c-…".slice(0, 5), "x".repeat(128), '"quoted"']) assert.equal(isIdempotencyKey(key), true);
  for (const key of ["", " ", "a b", "a\n", "é", "x".repeat(129), "\u0000"]) assert.equal(isIdempotencyKey(key), false);
});

Deno.test("bodyDigest: equal for equal bytes alone", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.equal(bodyDigest(bytes("{}")), bodyDigest(bytes("{}")));
  assert.notEqual(bodyDigest(bytes("{}")), bodyDigest(bytes("{} ")));
  assert.equal(bodyDigest(bytes("")), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
});
