import assert from "node:assert/strict";
import { LockManagerDouble, type Locks } from "./lock_manager.ts";

const open = () => new AbortController().signal;

/** The double, and Deno's own where there is one: what holds for both is what the specification says. */
const MANAGERS: Readonly<Record<string, () => Locks>> = {
  LockManagerDouble: () => new LockManagerDouble().page(open()),
};
const native: unknown = Reflect.get(navigator, "locks");
// Deno has it from 2.9 on, and no type for it.
if (native !== undefined) Object.assign(MANAGERS, { "navigator.locks": () => native as Locks });

for (const [name, make] of Object.entries(MANAGERS)) {
  Deno.test(`${name}: an exclusive lock is given in the order of the requests, one at a time`, async () => {
    const locks = make();
    const order: number[] = [];
    const first = Promise.withResolvers<void>();
    const granted = Promise.withResolvers<void>();
    const all = [0, 1, 2].map((number) =>
      locks.request("a", async () => {
        order.push(number);
        granted.resolve();
        if (number === 0) await first.promise;
      })
    );
    await granted.promise;
    assert.deepEqual(order, [0]);
    first.resolve();
    await Promise.all(all);
    assert.deepEqual(order, [0, 1, 2]);
  });

  Deno.test(`${name}: ifAvailable is given null where the lock is taken, another name is another lock`, async () => {
    const locks = make();
    const held = Promise.withResolvers<void>();
    const granted = Promise.withResolvers<void>();
    const holding = locks.request("a", () => (granted.resolve(), held.promise));
    await granted.promise;
    assert.equal(await locks.request("a", { ifAvailable: true }, (lock) => lock), null);
    assert.equal(await locks.request("b", { ifAvailable: true }, (lock) => lock?.name), "b");
    held.resolve();
    await holding;
  });

  Deno.test(`${name}: an aborted request leaves the queue with the signal's reason`, async () => {
    const locks = make();
    const held = Promise.withResolvers<void>();
    const holding = locks.request("a", () => held.promise);
    const abort = new AbortController();
    const waiting = locks.request("a", { signal: abort.signal }, () => assert.fail("it was granted"));
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    held.resolve();
    await holding;
  });

  Deno.test(`${name}: shared locks are held together, an exclusive one waits for all of them`, async () => {
    const locks = make();
    const held = Promise.withResolvers<void>();
    const both = Promise.withResolvers<void>();
    let holders = 0;
    const shared = [1, 2].map(() =>
      locks.request("a", { mode: "shared" }, async () => {
        if (++holders === 2) both.resolve();
        await held.promise;
      })
    );
    await both.promise;
    const exclusive = locks.request("a", () => holders);
    held.resolve();
    await Promise.all(shared);
    assert.equal(await exclusive, 2);
  });
}

Deno.test("LockManagerDouble: a page that goes away gives up its lock and its requests", async () => {
  const manager = new LockManagerDouble();
  const [one, other] = [new AbortController(), new AbortController()];
  void manager.page(one.signal).request("a", () => new Promise(() => {})).catch(() => {});
  const waiting = manager.page(one.signal).request("a", () => assert.fail("it was granted"));
  const next = manager.page(other.signal).request("a", () => "granted");
  one.abort();
  await assert.rejects(waiting);
  assert.equal(await next, "granted");
  assert.deepEqual(manager.heldNames, []);
});
