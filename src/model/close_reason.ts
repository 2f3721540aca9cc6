/**
 * Why a stream ended, or was refused in a way that the client should retry: the one table that the wire, the logs
 * and the metrics share.
 */
export const CLOSE_REASONS = {
  "token-expired": { calm: true, text: "The token's `exp` has passed; come back with a fresh one." },
  "revoked": { calm: false, text: "The grants behind this stream were withdrawn." },
  "slow-consumer": { calm: true, text: "The reader fell behind its send queue's limit; the cursor resumes it." },
  "max-lifetime": { calm: true, text: "The stream reached its jittered lifetime; reconnect, nothing is wrong." },
  "draining": { calm: false, text: "This node is going away; another one, or its successor, resumes the cursor." },
  "closed-by-operator": { calm: true, text: "An operator closed this one stream; reconnect, nothing else is wrong." },
  "rate-limited": { calm: false, text: "Too many attempts." },
  "connection-limit": { calm: false, text: "Too many open streams, for this principal or on this node." },
  "overloaded": { calm: false, text: "The node has no room for the work; includes a node that is still warming up." },
  "banned": { calm: false, text: "An operator has shut this principal out." },
} as const satisfies Record<string, { readonly calm: boolean; readonly text: string }>;

/** A row of {@link CLOSE_REASONS}. `calm` rows draw their `retry` from the normal range, the others from the wide one. */
export type CloseReason = keyof typeof CLOSE_REASONS;
