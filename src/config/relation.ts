import type { ConfigProblem } from "./config_problem.ts";
import type { Config } from "./schema.ts";
import type { SettingPath } from "./setting_tree.ts";

/** What two or more settings owe each other, where each alone is fine. Asserted at start, before anything runs. */
export interface Relation {
  /** The rule in one line, for the documents. */
  readonly rule: string;
  /** Sections that it reads; it is checked only when all of them are well-formed. */
  readonly sections: readonly (keyof Config)[];
  readonly severity: ConfigProblem["severity"];
  /** The places that break it, each with the end of a sentence that begins with the place. */
  readonly find: (config: Config) => readonly BrokenRelation[];
}

export interface BrokenRelation {
  readonly path: SettingPath;
  readonly message: string;
}

/** The one place, when it is broken. */
export function broken(isBroken: boolean, path: SettingPath, message: string): readonly BrokenRelation[] {
  return isBroken ? [{ path, message }] : [];
}
