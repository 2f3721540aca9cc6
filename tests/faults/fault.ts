import type { GapReason } from "../../src/model/gap.ts";
import type { FaultRun } from "./fault_run.ts";
import type { FaultSource } from "./fault_source.ts";

/** One row of the fault suite: what breaks, and what clients may be told of it. */
export interface Fault<Source extends FaultSource> {
  readonly name: string;
  /**
   * `none`: no client is told of a gap. `required`: at least one is. Whichever: each gap must be a true one, and nothing may
   * be missing without one.
   */
  readonly gaps: "none" | "allowed" | "required";
  /** Gap reasons that the logs do not show, such as `source-reset` where a history could not be read for a while. */
  readonly excuses?: readonly GapReason[];
  /** Whether `deno task test` runs it too. */
  readonly isQuick?: boolean;
  /** Gateways that share the source. Default 1. */
  readonly nodes?: number;
  /** Further sections of the gateways' configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Variables of the gateways' environment. */
  readonly environment?: (folder: string) => Readonly<Record<string, string>>;
  /** Partitions of the log. Default 3. */
  readonly partitions?: number;
  /** Settings of the log itself, where its middleware has any. */
  readonly logSettings?: Readonly<Record<string, string>>;
  /** Does the damage under load and heals it again. What it throws fails the row. */
  inject(run: FaultRun<Source>): Promise<void>;
}
