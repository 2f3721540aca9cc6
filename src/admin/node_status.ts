import type { RecentProblem } from "../log/recent_problems.ts";
import type { SourceLag } from "./source_lags.ts";

/** How a node is; plain JSON. */
export interface NodeStatus {
  readonly node: string;
  readonly version: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly now: string;
  readonly ready: boolean;
  readonly draining: boolean;
  /** Development mode: the console may mint tokens. */
  readonly development: boolean;
  /** Where streams are opened, as far as the node knows. */
  readonly publicUrl: string;
  readonly sources: readonly (SourceLag & {
    readonly kind: "kafka" | "redis" | "embedded";
    readonly state: "attaching" | "warming" | "up" | "down";
  })[];
  readonly streams: { readonly open: number; readonly max: number; readonly maxPerPrincipal: number };
  readonly journal: {
    readonly frames: number;
    readonly maxFrames: number;
    readonly bytes: number;
    readonly maxBytes: number;
  };
  /** Since the process started. */
  readonly totals: Readonly<Record<string, number>>;
  /** The last warnings and errors of the log, the newest first. */
  readonly problems: readonly RecentProblem[];
}
