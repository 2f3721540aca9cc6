import type { SendQueueLimits } from "./send_queue.ts";

/** Limits of streams; see `streams` of the configuration. Times in milliseconds. */
export interface StreamLimits {
  readonly heartbeatMs: number;
  readonly maxLifetimeMs: number;
  /** Share by which each lifetime varies, 0 to 0.5. */
  readonly lifetimeJitter: number;
  readonly maxTotal: number;
  readonly maxPerPrincipal: number;
  readonly sendQueue: SendQueueLimits;
  readonly writeStallMs: number;
  readonly retry: { readonly minMs: number; readonly maxMs: number };
  readonly refusalRetry: { readonly minMs: number; readonly maxMs: number };
  readonly tokenWarningMs: number;
}
