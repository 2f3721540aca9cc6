/**
 * What the relay uses of `pg`. The package has no types of its own, and those of DefinitelyTyped bring a whole
 * `@types/node` along, which then speaks for every file of the project.
 */
import type { Socket } from "node:net";

interface ClientConfig {
  readonly connectionString: string;
  readonly application_name: string;
  readonly connectionTimeoutMillis: number;
  readonly query_timeout: number;
  readonly keepAlive: boolean;
  readonly stream: () => Socket;
}

interface Notification {
  readonly channel: string;
  readonly payload?: string;
}

export class Client {
  constructor(config: ClientConfig);
  connect(): Promise<void>;
  query(sql: string, values: unknown[]): Promise<{ readonly rows: Readonly<Record<string, unknown>>[] }>;
  end(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): this;
  on(event: "end", listener: () => void): this;
  on(event: "notification", listener: (notification: Notification) => void): this;
}

/** What the server itself answered. */
export class DatabaseError extends Error {
  /** SQLSTATE. */
  readonly code?: string;
}

declare const pg: { readonly Client: typeof Client; readonly DatabaseError: typeof DatabaseError };
export default pg;
