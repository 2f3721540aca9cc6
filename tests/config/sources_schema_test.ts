import assert from "node:assert/strict";
import { configOf } from "./resolve.ts";

Deno.test("sources: maxLength and its other name maxLengthApprox bound a Redis Stream alike", () => {
  for (const name of ["maxLength", "maxLengthApprox"]) {
    const { sources } = configOf(`sources: {a: {redis: {url: 'redis://r', stream: s, ${name}: 500}}}`);
    assert(sources.a?.kind === "redis");
    assert.equal(sources.a.redis.maxLengthApprox, 500, name);
  }
});
