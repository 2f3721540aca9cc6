/** One event with what the gateway says of it. */
export interface SSEEvent<Data = unknown> {
  /** As in the event map: `domain.action-past`. */
  readonly name: string;
  /** The cursor behind this event; empty where the gateway gave none. */
  readonly id: string;
  /** `source:partition:offset`, the same at every delivery; empty where there is no `id`. */
  readonly identity: string;
  /** The scope that brought it here, such as `user:42`. */
  readonly scope: string;
  /** When it happened: RFC 3339 in UTC. */
  readonly time: string;
  /** Version of the shape of `data`. */
  readonly version: number;
  /** What the mapping let through. */
  readonly data: Data;
}

/** Events may be missing in one partition; see "Gaps" in docs/protocol.md. */
export interface SSEGap {
  /** The source whose log has the gap; `null` when nobody can tell. */
  readonly source: string | null;
  /** The partition of that log. */
  readonly partition: number | null;
  /** First offset that may be missing. */
  readonly from: string | null;
  /** Last offset that may be missing. */
  readonly to: string | null;
  /** A word of the protocol, or `dropped`: low-priority events were shed because this reader was slow. */
  readonly reason: string;
  /** Number of records, `null` when nobody can know. */
  readonly lost: number | null;
  /** State must be read anew: the events will not come. */
  readonly resync: boolean;
}

/** One of the gateway's own events, `stream.*`. */
export interface SSEControl {
  /** With its prefix. */
  readonly name: string;
  /** As docs/protocol.md says. */
  readonly data: Readonly<Record<string, unknown>>;
}
