/**
 * Every terminal refusal and failure of the HTTP side: the stable `code` of an RFC 9457 problem body, its status and
 * one line for people. The wire, the logs and the metrics use these words; a code never changes its meaning.
 *
 * Retryable refusals (caps, rate limits, draining) are no errors: see `close_reason.ts`.
 */
export const ERROR_CODES = {
  "invalid-request": { status: 400, text: "The request itself cannot be read: its URL, a header or a parameter." },
  "invalid-json": { status: 400, text: "The body is not JSON." },
  "invalid-scope": { status: 400, text: "The text is not a scope: `global`, or `kind:id`." },
  "invalid-event-name": { status: 400, text: "The text is no event name or pattern, or a reserved one." },
  "invalid-event": { status: 400, text: "An event of the body does not have the published shape." },
  "invalid-cursor": { status: 400, text: "The cursor cannot be read." },
  "invalid-idempotency-key": { status: 400, text: "`Idempotency-Key` is not 1 to 128 printable ASCII characters." },
  "ambiguous-credentials": { status: 400, text: "More than one credential came by one carrier." },

  "token-missing": { status: 401, text: "No credential: send `Authorization: Bearer`, the cookie or a ticket." },
  "token-malformed": { status: 401, text: "The credential is not a signed JWT in its compact form." },
  "token-in-url": { status: 401, text: "A JWT came in the URL, where proxies and logs keep it. Use a ticket." },
  "token-expired": { status: 401, text: "The token's `exp` has passed." },
  "token-not-yet-valid": { status: 401, text: "The token's `nbf` or `iat` is still ahead." },
  "token-claim-invalid": { status: 401, text: "A registered claim of the token is missing or has the wrong type." },
  "token-type-mismatch": { status: 401, text: "The token's `typ` is not the one that is accepted here." },
  "token-lifetime-exceeded": { status: 401, text: "The token lives longer than this gateway accepts." },
  "token-revoked": { status: 401, text: "The token, its subject or its session was revoked." },
  "algorithm-refused": { status: 401, text: "The token's `alg` is not one that its issuer's keys are configured for." },
  "header-refused": {
    status: 401,
    text: "The token's header asks for something that is not supported: `crit` or `b64`.",
  },
  "issuer-unknown": { status: 401, text: "The token's `iss` is none of the configured issuers." },
  "key-unknown": { status: 401, text: "The issuer has no key that the token's `kid` selects." },
  "keys-unavailable": {
    status: 503,
    text: "The issuer's key set cannot be read at present, and no copy is fresh enough.",
  },
  "signature-invalid": { status: 401, text: "The token's signature does not verify." },
  "audience-mismatch": { status: 401, text: "The token's `aud` does not name this gateway." },
  "ticket-invalid": { status: 401, text: "The ticket is unknown, used, expired or not from this gateway." },

  "admin-token-invalid": { status: 401, text: "The credential is not this node's admin token." },

  "cross-site-request": { status: 403, text: "A page of another site may not make this request." },
  "scope-not-granted": { status: 403, text: "The token grants no such scope." },
  "publish-not-granted": { status: 403, text: "The token may not publish there." },
  "too-many-grants": { status: 403, text: "The token's claims yield more grants than one principal may hold." },

  "not-found": { status: 404, text: "There is no such resource." },
  "method-not-allowed": { status: 405, text: "The resource has no such method; see `Allow`." },
  "not-acceptable": { status: 406, text: "None of the media types in `Accept` can be sent." },
  "payload-too-large": { status: 413, text: "The body, or one event of it, is larger than the limit." },
  "unsupported-media-type": { status: 415, text: "The body's media type or encoding is not accepted." },
  "idempotency-conflict": { status: 422, text: "The `Idempotency-Key` was already used with another body." },
  "too-many-requests": { status: 429, text: "Too many requests; see `Retry-After`." },

  "internal": { status: 500, text: "Something of ours broke; the log has it under the request's identity." },
  "source-unavailable": { status: 503, text: "The source cannot take or give events at present." },
  "unavailable": { status: 503, text: "The node has no room for the work, or is going away; see `Retry-After`." },
} as const satisfies Record<string, { readonly status: number; readonly text: string }>;

/** A key of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;
