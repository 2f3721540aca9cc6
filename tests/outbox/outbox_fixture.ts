import { configSchema } from "../../src/config/schema.ts";
import { outboxRecords } from "../../src/gateway/outbox_records.ts";
import { outboxDDL } from "../../src/outbox/outbox_ddl.ts";
import { type OutboxObserver, OutboxRelay, type OutboxRelaySettings } from "../../src/outbox/outbox_relay.ts";
import type { EncodeRow, OutboxBus } from "../../src/outbox/outbox_row.ts";
import { type Columns, PostgresSession } from "../../src/outbox/postgres_session.ts";
import { createEventEncoder } from "../../src/pipeline/event_encoder.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";

const MAX_RECORD_BYTES = 100_000;

/** An outbox in a schema of its own, and the application that writes to it. */
export class OutboxFixture implements AsyncDisposable {
  readonly url: string;
  readonly table: string;
  readonly channel: string;
  readonly #schema: string;
  #application: PostgresSession;

  private constructor(url: string, schema: string, application: PostgresSession) {
    this.url = url;
    this.#schema = schema;
    this.table = `${schema}.event_outbox`;
    this.channel = schema;
    this.#application = application;
  }

  static async open(url: string): Promise<OutboxFixture> {
    const application = await sessionOf(url);
    const fixture = new OutboxFixture(url, `t_${crypto.randomUUID().replaceAll("-", "")}`, application);
    await application.query(`CREATE SCHEMA ${fixture.#schema}`);
    await application.query(outboxDDL(fixture));
    return fixture;
  }

  /** A further connection to the same database. */
  session(): Promise<PostgresSession> {
    return sessionOf(this.url);
  }

  /** Connects the application again, after the server has been away. */
  async reconnect(): Promise<void> {
    await this.#application[Symbol.asyncDispose]();
    this.#application = await sessionOf(this.url);
  }

  query(sql: string, values: readonly unknown[] = []): Promise<readonly Columns[]> {
    return this.#application.query(sql, values);
  }

  /** Inserts events whose data are these, in one statement. */
  async insert(data: readonly unknown[], scope = "user:1", session = this.#application): Promise<void> {
    await session.query(
      `INSERT INTO ${this.table} (event, scopes, data)
       SELECT 'test.row-inserted', ARRAY[$2], value FROM jsonb_array_elements($1::jsonb)`,
      [JSON.stringify(data), scope],
    );
  }

  async waiting(): Promise<number> {
    const [row] = await this.query(`SELECT count(*)::int AS count FROM ${this.table} WHERE failed_at IS NULL`);
    return Number(row?.count);
  }

  /** Reasons of the rows that were set aside, in their order. */
  async failures(): Promise<readonly unknown[]> {
    const rows = await this.query(`SELECT failure FROM ${this.table} WHERE failed_at IS NOT NULL ORDER BY id`);
    return rows.map(({ failure }) => failure);
  }

  relay(
    bus: OutboxBus,
    settings: Partial<OutboxRelaySettings> = {},
    observer: Partial<OutboxObserver> = {},
  ): OutboxRelay {
    const all: OutboxRelaySettings = {
      url: this.url,
      connectTimeoutMs: 2_000,
      queryTimeoutMs: 5_000,
      table: this.table,
      channel: this.channel,
      listen: true,
      batchSize: 500,
      maxBatchBytes: 4 * 1024 * 1024,
      maxRecordBytes: MAX_RECORD_BYTES,
      pollIntervalMs: 200,
      maxAttempts: 3,
      failedRetentionMs: 60_000,
      ...settings,
    };
    const nothing = () => {};
    return new OutboxRelay(all, bus, recordsOf(MAX_RECORD_BYTES), {
      published: nothing,
      failed: nothing,
      lag: nothing,
      stateChanged: nothing,
      ...observer,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.query(`DROP SCHEMA ${this.#schema} CASCADE`);
    await this.#application[Symbol.asyncDispose]();
  }
}

/** Makes records of rows as a gateway does whose settings are the defaults, but for the size of a record. */
export function recordsOf(maxRecordBytes: number): EncodeRow {
  const { mappings: defaults, streams } = configSchema.parse({});
  const mappings = { ...defaults, maxRecordBytes };
  const pipeline = createPipeline({ mappings, formats: new Map([["recorded", "tidegate"]]) });
  const encode = createEventEncoder(pipeline, "recorded", streams.maxFrameBytes);
  return outboxRecords(encode, mappings.maxScopesPerRecord, mappings.maxRecordBytes);
}

function sessionOf(url: string): Promise<PostgresSession> {
  return PostgresSession.open({ url, connectTimeoutMs: 5_000, queryTimeoutMs: 60_000 });
}
