import assert from "node:assert/strict";

/** Until it holds; nothing here takes long, and what never comes fails the test. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, `it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
