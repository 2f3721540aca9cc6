import type { PositionVector } from "../model/position_vector.ts";
import type { Connection, EndReason } from "../stream/connection.ts";
import type { StreamManager } from "../stream/stream_manager.ts";
import { type ConnectionView, connectionView } from "./connection_view.ts";

/** Most streams of one page. */
export const MAX_PAGE = 200;
/** Ended streams that are remembered: enough for the question that somebody asks who was just thrown out. */
const MAX_ENDED = 200;

/** Which streams, and how many of them. */
export interface ConnectionQuery {
  readonly subject?: string;
  /** A scope that the stream reads. */
  readonly scope?: string;
  /** The `next` of the page before. */
  readonly after?: string;
  /** 1 to {@link MAX_PAGE}. */
  readonly limit: number;
}

/** A page of the open streams, the longest open first. */
export interface ConnectionPage {
  readonly connections: readonly ConnectionView[];
  /** What to ask the next page with; `null` when there is none. */
  readonly next: string | null;
  /** All open streams of this node, whatever was asked for. Not those that ended and whose readers have not noticed yet. */
  readonly open: number;
  /** Those that ended lately, the newest first; with the same filter. */
  readonly ended: readonly ConnectionView[];
}

/** The streams themselves, and the names of the sources whose events they get. */
export interface OpenStreams {
  readonly manager: StreamManager;
  readonly positions: PositionVector;
}

/** The streams of this node: those that are open, and those that ended lately with the reason. */
export class ConnectionDirectory {
  readonly #streams: () => OpenStreams | undefined;
  readonly #ended: ConnectionView[] = [];

  /** @param streams `undefined` until the sources are attached: there are no streams then */
  constructor(streams: () => OpenStreams | undefined) {
    this.#streams = streams;
  }

  /** Remembers how a stream ended. */
  noteEnd(connection: Connection, reason: EndReason): void {
    const streams = this.#streams();
    if (streams === undefined) return;
    this.#ended.unshift(connectionView(connection, streams.positions, reason));
    if (this.#ended.length > MAX_ENDED) this.#ended.pop();
  }

  page(query: ConnectionQuery): ConnectionPage {
    const streams = this.#streams();
    const ended = this.#ended.filter((view) => isAskedFor(view.subject, view.scopes, query)).slice(0, query.limit);
    if (streams === undefined) return { connections: [], next: null, open: 0, ended };
    const { manager, positions } = streams;
    const found: Connection[] = [];
    // One more than the page holds tells whether there is a next one.
    for (const connection of behind(manager.connections(), query.after)) {
      if (connection.hasEnded || !isAskedFor(connection.reader.subject, connection.scopes, query)) continue;
      if (found.push(connection) > query.limit) break;
    }
    const shown = found.slice(0, query.limit);
    const last = found.length > query.limit ? shown.at(-1) : undefined;
    return {
      connections: shown.map((connection) => connectionView(connection, positions)),
      next: last === undefined ? null : placeOf(last),
      open: [...this.open()].length,
      ended,
    };
  }

  /** One stream, open or ended lately. */
  find(id: string): ConnectionView | undefined {
    const open = this.connection(id);
    const positions = this.#streams()?.positions;
    if (open !== undefined && positions !== undefined) return connectionView(open, positions);
    return this.#ended.find((view) => view.id === id);
  }

  /** One open stream itself. */
  connection(id: string): Connection | undefined {
    for (const connection of this.open()) if (connection.id === id) return connection;
    return undefined;
  }

  *open(): IterableIterator<Connection> {
    for (const connection of this.#streams()?.manager.connections() ?? []) if (!connection.hasEnded) yield connection;
  }

  /** How the subject's streams ended lately, the newest first. */
  endedOf(subject: string): readonly ConnectionView[] {
    return this.#ended.filter((view) => view.subject === subject);
  }
}

function isAskedFor(subject: string, scopes: readonly string[], query: ConnectionQuery): boolean {
  return (query.subject === undefined || subject === query.subject) &&
    (query.scope === undefined || scopes.includes(query.scope));
}

/** Streams stand in the order in which they were opened; the time and the id name a place in it, also when its stream has gone. */
function placeOf({ openedAtMs, id }: Connection): string {
  return `${openedAtMs}_${id}`;
}

function* behind(connections: Iterable<Connection>, place: string | undefined): Iterable<Connection> {
  const [ms, id] = place?.split("_") ?? [];
  const openedAtMs = ms === undefined ? -1 : Number(ms);
  let isBehind = place === undefined;
  const ofTheSameTime: Connection[] = [];
  for (const connection of connections) {
    if (isBehind || connection.openedAtMs > openedAtMs) {
      // Its stream is gone: those of the same millisecond are shown once more rather than not at all.
      if (!isBehind) yield* ofTheSameTime;
      isBehind = true;
      yield connection;
    } else if (connection.id === id) isBehind = true;
    else if (connection.openedAtMs === openedAtMs) ofTheSameTime.push(connection);
  }
  if (!isBehind) yield* ofTheSameTime;
}
