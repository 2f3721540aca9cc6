import assert from "node:assert/strict";
import { base64url } from "jose";
import fc from "fast-check";
import { isCanonicalBase64url } from "../../src/access/canonical_base64url.ts";

Deno.test("isCanonicalBase64url: of all texts that a decoder accepts, exactly the encoder's is canonical", () => {
  const text = fc.string({ unit: fc.constantFrom(..."ABQgwEIMcsk-_4+/= \n"), maxLength: 6 });
  fc.assert(
    fc.property(text, (candidate) => {
      let encoded: string | undefined;
      try {
        encoded = base64url.encode(base64url.decode(candidate));
      } catch {
        encoded = undefined;
      }
      assert.equal(isCanonicalBase64url(candidate), encoded === candidate, candidate);
    }),
    { numRuns: 20_000 },
  );
});
