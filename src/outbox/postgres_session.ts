import { Socket } from "node:net";
// @ts-types="./pg.d.ts"
import pg, { type Client } from "pg";

/** How the database is reached. */
export interface PostgresAddress {
  /** `postgres://user:password@host:port/database`; never logged. */
  readonly url: string;
  readonly connectTimeoutMs: number;
  /** Longest wait for one answer; a frozen server then counts as gone. */
  readonly queryTimeoutMs: number;
}

/** A row as the driver gives it. */
export type Columns = Readonly<Record<string, unknown>>;

/** How long a server is given to take leave. */
const MAX_GOODBYE_MS = 1_000;

/** One connection to PostgreSQL: statements one after the other, and an end that never hangs. */
export class PostgresSession implements AsyncDisposable {
  readonly #client: Client;
  readonly #sockets: Socket[];
  readonly #ended = Promise.withResolvers<void>();
  #last: Promise<unknown> = Promise.resolve();
  #isUsable = true;

  private constructor(client: Client, sockets: Socket[]) {
    this.#client = client;
    this.#sockets = sockets;
    // Without a listener the driver's error of an idle connection would end the process.
    client.on("error", () => this.#lose());
    client.on("end", () => {
      this.#lose();
      this.#ended.resolve();
    });
  }

  /** @throws Error of the driver, which never holds the password */
  static async open(address: PostgresAddress): Promise<PostgresSession> {
    const sockets: Socket[] = [];
    const client = new pg.Client({
      connectionString: address.url,
      application_name: "tidegate-outbox",
      connectionTimeoutMillis: address.connectTimeoutMs,
      query_timeout: address.queryTimeoutMs,
      keepAlive: true,
      // Ours to destroy: the driver's own end waits for a server that may never answer.
      stream: () => {
        const socket = new Socket();
        sockets.push(socket);
        return socket;
      },
    });
    const session = new PostgresSession(client, sockets);
    try {
      await client.connect();
      return session;
    } catch (error) {
      session.#lose();
      throw error;
    }
  }

  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** Resolves when the connection is over, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  onNotification(listener: (channel: string, payload: string) => void): void {
    this.#client.on("notification", ({ channel, payload }) => listener(channel, payload ?? ""));
  }

  /** Runs one statement behind those that were given before; a failure of the connection ends it for good. */
  query(sql: string, values: readonly unknown[] = []): Promise<readonly Columns[]> {
    const answer = this.#last.then(async () => {
      if (!this.#isUsable) throw new Error("Cannot query PostgreSQL: the connection was lost");
      try {
        return (await this.#client.query(sql, [...values])).rows;
      } catch (error) {
        // What the server answered leaves the connection as it was; anything else leaves it unknown.
        if (!(error instanceof pg.DatabaseError)) this.#lose();
        throw error;
      }
    });
    this.#last = answer.catch(() => {});
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isUsable) {
      this.#isUsable = false;
      const impatience = setTimeout(() => this.#lose(), MAX_GOODBYE_MS);
      await Promise.race([this.#client.end().catch(() => {}), this.#ended.promise]);
      clearTimeout(impatience);
    }
    this.#lose();
  }

  #lose(): void {
    this.#isUsable = false;
    for (const socket of this.#sockets) socket.destroy();
    this.#ended.resolve();
  }
}
