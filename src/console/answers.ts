/*
 * What /admin/v1 answers, as far as the console shows it. Written out here and not imported: the page is bundled by itself
 * and speaks to the gateway over HTTP alone.
 */

export interface Status {
  readonly node: string;
  readonly version: string;
  readonly startedAt: string;
  readonly now: string;
  readonly ready: boolean;
  readonly draining: boolean;
  readonly development: boolean;
  readonly publicUrl: string;
  readonly sources: readonly Source[];
  readonly streams: { readonly open: number; readonly max: number; readonly maxPerPrincipal: number };
  readonly journal: {
    readonly frames: number;
    readonly maxFrames: number;
    readonly bytes: number;
    readonly maxBytes: number;
  };
  readonly totals: Readonly<Record<string, number>>;
  readonly problems: readonly Problem[];
}

export interface Source {
  readonly source: string;
  readonly kind: string;
  readonly state: string;
  readonly records: number | null;
  readonly ms: number | null;
  readonly partitions: readonly {
    readonly partition: number;
    readonly next: string;
    readonly first: string | null;
    readonly end: string | null;
  }[];
}

export interface Problem {
  readonly at: string;
  readonly level: string;
  readonly logger: string;
  readonly message: string;
}

export interface Sample {
  readonly atMs: number;
  readonly streams: number;
  readonly rates: Readonly<Record<RateName, number>>;
  readonly loopDelayMs: number;
  readonly rssBytes: number;
}

export type RateName = "records" | "deliveries" | "dropped" | "deadLetters" | "shed" | "published";

export interface Connection {
  readonly id: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly events: readonly string[];
  readonly openedAt: string;
  readonly expiresAt: string;
  readonly ageSeconds: number;
  readonly frames: number;
  readonly bytes: number;
  readonly shedFrames: number;
  readonly queuedFrames: number;
  readonly queuedBytes: number;
  readonly cursor: string | null;
  readonly ended: { readonly at: string; readonly reason: string } | null;
}

export interface ConnectionPage {
  readonly connections: readonly Connection[];
  readonly next: string | null;
  readonly open: number;
  readonly ended: readonly Connection[];
}

export interface ShutOutList {
  readonly entries: readonly ShutOutEntry[];
  readonly count: number;
}

export interface ShutOutEntry {
  readonly kind: string;
  readonly id: string;
  readonly issuer: string | null;
  readonly until: string;
}

export interface Explanation {
  readonly verdict: string;
  readonly summary: string;
  readonly steps: readonly { readonly ok: boolean | null; readonly text: string }[];
}

/** `data` of one event of the tail, by its name behind `tail.`. */
export interface TailData {
  readonly identity?: string;
  readonly event?: string;
  readonly scope?: string;
  readonly audience?: readonly string[];
  readonly priority?: string;
  readonly bytes?: number;
  readonly data?: string;
  readonly isCut?: boolean;
  readonly reason?: string;
  readonly detail?: string;
  readonly source?: string;
  readonly state?: string;
  readonly count?: number;
}
