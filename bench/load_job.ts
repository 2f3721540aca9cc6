/** What a load process is told on standard input; it answers on standard output with the job's result. Both are JSON. */
export type LoadJob = TrafficJob | ResumeJob | StormJob | ChurnJob | ListenJob;

/** Streams that stay open, and events that are published to them. */
export interface TrafficJob {
  readonly kind: "traffic";
  readonly port: number;
  /** Processes of the server, whose CPU time and memory are read from /proc. */
  readonly pids: readonly number[];
  readonly publishing: Publishing;
  /** Addresses by number; everything else names them by that number. */
  readonly scopes: readonly string[];
  readonly connections: readonly LoadConnection[];
  /** What is published, in turn by weight; within a class its scopes take turns. */
  readonly traffic: readonly TrafficClass[];
  readonly pace: Pace;
  /** Bytes of one payload, the same for every server. */
  readonly payloadBytes: number;
  /** Traffic before anything is measured. */
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** How long the open streams stay idle before memory is read and traffic starts. */
  readonly settleMs: number;
}

export interface LoadConnection {
  /** The whole request, head and all. */
  readonly request: string;
  /** Numbers of the scopes that it reads. */
  readonly scopes: readonly number[];
}

export interface TrafficClass {
  readonly weight: number;
  readonly scopes: readonly number[];
}

export type Pace =
  /** An event is published as soon as fewer than `events` are on their way; on its way: some reader has not got it. */
  | { readonly kind: "ahead"; readonly events: number }
  /** So many events a second, whatever becomes of them; latency counts from when an event was due. */
  | { readonly kind: "rate"; readonly eventsPerSecond: number };

export interface Publishing {
  readonly kind: "tidegate" | "nchan";
  /** For `Authorization`; empty for none. */
  readonly token: string;
  readonly connections: number;
  /** Most events in one request. */
  readonly maxBatch: number;
  /** How events are shared out to the publishers. Only by scope, a scope's events have an order that can be checked. */
  readonly turns: "scope" | "event";
}

export interface TrafficResult {
  readonly connections: number;
  readonly connectMs: number;
  /** Streams that did not open, or ended although nobody had ended them. */
  readonly failedConnections: number;
  readonly measuredMs: number;
  readonly published: number;
  readonly deliveries: number;
  readonly deliveriesPerSecond: number;
  /** Events that a reader should have had and had not, seconds after the end. */
  readonly lost: number;
  readonly duplicates: number;
  /** An older event of a scope behind a newer one; 0 where the publishers' turns leave no order. */
  readonly outOfOrder: number;
  /** The same over all scopes of a stream: promised by a log, not by a set of channels. */
  readonly outOfOrderAcrossScopes: number;
  readonly leastDeliveriesOfAConnection: number;
  readonly mostDeliveriesOfAConnection: number;
  readonly latency: LatencyFigures;
  readonly serverCPUSeconds: number;
  readonly clientCPUSeconds: number;
  /** What everybody else on the machine used meanwhile: little, or the figures are not worth much. */
  readonly otherCPUSeconds: number;
  readonly rss: {
    readonly beforeMB: number;
    readonly connectedMB: number;
    readonly afterMB: number;
    readonly peakMB: number;
  };
  /** Blocks that are no published event, by what they say. */
  readonly controlEvents: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

export interface LatencyFigures {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Streams that come back all at once, each for the same number of events that it has missed. */
export interface ResumeJob {
  readonly kind: "resume";
  readonly port: number;
  readonly pids: readonly number[];
  /** One a stream, with its cursor. */
  readonly requests: readonly string[];
  /** After so many a stream is done. */
  readonly eventsEach: number;
  readonly payloadBytes: number;
  readonly timeoutMs: number;
}

export interface ResumeResult {
  /** From a stream's own request to its first event. */
  readonly first: LatencyFigures;
  /** From a stream's own request to its last event. */
  readonly last: LatencyFigures;
  /** From the first connection to the last event of the last stream. */
  readonly allMs: number;
  readonly failedStreams: number;
  readonly missing: number;
  /** Streams in which an event did not follow the one before it. */
  readonly streamsOutOfOrder: number;
  readonly serverCPUSeconds: number;
  readonly peakMB: number;
  readonly controlEvents: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** Clients that come back spread over a while, and come back again for as long as they are refused or cut off. */
export interface StormJob {
  readonly kind: "storm";
  readonly port: number;
  readonly pids: readonly number[];
  /** One a client, without a cursor. */
  readonly requests: readonly string[];
  /** What each comes back with at first. */
  readonly cursor: string;
  /** They come at even distances in this time. */
  readonly spreadMs: number;
  /** What each has missed. */
  readonly eventsEach: number;
  readonly payloadBytes: number;
  readonly timeoutMs: number;
}

export interface StormResult {
  /** From a client's first request to its `stream.caught-up`. */
  readonly caughtUp: LatencyFigures;
  /** From the first connection until the last client was at the head. */
  readonly allMs: number;
  /** Clients that were told of a gap. */
  readonly told: number;
  /** Clients that were not at the head when the time was over. */
  readonly late: number;
  /** Events that clients at the head had neither got nor been told of. */
  readonly missing: number;
  /** Clients that got an event again, or behind a later one. */
  readonly clientsOutOfOrder: number;
  /** Soft refusals by their reason; each was tried again after the delay that it told. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Streams that ended otherwise; each was tried again from its last id. */
  readonly cut: number;
  readonly serverCPUSeconds: number;
  readonly peakMB: number;
  readonly controlEvents: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** Clients that come and go: each stream lives for a while and is then closed by its client. */
export interface ChurnJob {
  readonly kind: "churn";
  readonly port: number;
  readonly pids: readonly number[];
  readonly publishing: Publishing;
  readonly scopes: readonly string[];
  /** They take turns; as many streams are open at a time as there are requests. */
  readonly requests: readonly string[];
  readonly opensPerSecond: number;
  /** Published to the scopes in turn, so that streams are torn down with frames on their way. */
  readonly eventsPerSecond: number;
  readonly payloadBytes: number;
  readonly durationMs: number;
}

export interface ChurnResult {
  readonly opened: number;
  readonly failed: number;
  readonly blocks: number;
  readonly samples: readonly MemorySample[];
  readonly serverCPUSeconds: number;
  readonly problems: readonly string[];
}

export interface MemorySample {
  readonly minutes: number;
  readonly rssMB: number;
}

/** Streams that only read; a producer is started when all are open. */
export interface ListenJob {
  readonly kind: "listen";
  readonly port: number;
  readonly pids: readonly number[];
  readonly requests: readonly string[];
  /** How many come, numbered from 0. */
  readonly events: number;
  /** The command that publishes them. */
  readonly producer: readonly string[];
  /** Number of the first whose latency counts. */
  readonly measuredFrom: number;
  readonly timeoutMs: number;
}

export interface ListenResult {
  readonly received: number;
  readonly missing: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** From when a record was due to be produced. */
  readonly latency: LatencyFigures;
  readonly serverCPUSeconds: number;
  readonly elapsedMs: number;
  readonly peakMB: number;
  readonly controlEvents: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}
