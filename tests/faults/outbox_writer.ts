import { OutboxFixture } from "../outbox/outbox_fixture.ts";
import { type PostgresServer, startPostgres } from "../support/postgres_server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { until } from "./fault_run.ts";
import type { StoredRecord } from "./fault_source.ts";
import type { FaultServers } from "./fault_servers.ts";
import type { EventWriter, OutgoingEvent } from "./published_source.ts";

/** An application that inserts rows into an outbox on a real PostgreSQL, which the gateways reach through a proxy. */
export class OutboxWriter implements EventWriter {
  readonly isOrdered = true;
  readonly proxy: TcpProxy;
  readonly sections: Readonly<Record<string, unknown>>;
  readonly #outbox: OutboxFixture;

  private constructor(outbox: OutboxFixture, proxy: TcpProxy, source: string) {
    this.#outbox = outbox;
    this.proxy = proxy;
    const url = new URL(outbox.url);
    url.host = `127.0.0.1:${proxy.port}`;
    const { table, channel } = outbox;
    this.sections = { outbox: { url: url.href, table, channel, source, batchSize: 20, pollInterval: "100ms" } };
  }

  static async open(servers: FaultServers, source: string): Promise<OutboxWriter> {
    const { postgres, proxy } = await servers.use(startProxiedPostgres);
    return new OutboxWriter(await OutboxFixture.open(postgres.url), proxy, source);
  }

  get table(): string {
    return this.#outbox.table;
  }

  async attach(): Promise<void> {}

  async write(events: readonly OutgoingEvent[]): Promise<void> {
    const rows = events.map(({ key, event, scopes, priority }) => ({ event, scopes, priority, data: { key } }));
    await this.#outbox.query(
      `INSERT INTO ${this.table} (event, scopes, priority, data)
       SELECT event, scopes, priority, data
         FROM jsonb_to_recordset($1::jsonb) AS row (event text, scopes text[], priority text, data jsonb)`,
      [JSON.stringify(rows)],
    );
  }

  async settle(): Promise<void> {
    await until("the outbox is empty", async () => await this.#outbox.waiting() === 0);
    const failures = await this.#outbox.failures();
    if (failures.length > 0) throw new Error(`Rows of the outbox were set aside: ${failures.join(", ")}`);
  }

  judge(key: string, copies: readonly StoredRecord[]): string | undefined {
    const identities = new Set(copies.map(({ identity }) => identity));
    const isOne = identities.size === 1 && !identities.has(undefined);
    return isOne ? undefined : `the copies of ${key} have the identities ${[...identities].join(", ")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#outbox[Symbol.asyncDispose]();
  }
}

interface ProxiedPostgres extends AsyncDisposable {
  readonly postgres: PostgresServer;
  readonly proxy: TcpProxy;
}

async function startProxiedPostgres(): Promise<ProxiedPostgres> {
  const postgres = await startPostgres();
  const proxy = new TcpProxy(postgres.port);
  return {
    postgres,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    },
  };
}
