/** Where the outbox is. */
export interface OutboxNames {
  /** A table's name of a-z 0-9 _, with its schema where it is not on the search path. */
  readonly table: string;
  /** The channel of NOTIFY. */
  readonly channel: string;
}

/**
 * The SQL that makes an outbox, for PostgreSQL 14 or later; running it again changes nothing.
 *
 * Waiting rows have an index of their own, so that neither rows set aside nor the dead versions of them are walked over.
 */
export function outboxDDL({ table, channel }: OutboxNames): string {
  const name = table.slice(table.indexOf(".") + 1);
  const schema = table.slice(0, table.length - name.length);
  return `-- The transactional outbox of Tidegate, for PostgreSQL 14 or later.
CREATE TABLE IF NOT EXISTS ${table} (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Stays with the event for ever: the header tidegate-outbox-id of every copy of it.
  record_id      uuid        NOT NULL DEFAULT gen_random_uuid(),
  event          text        NOT NULL,
  scopes         text[]      NOT NULL,
  audience       text[]      NOT NULL DEFAULT '{}',
  data           jsonb,
  priority       text        NOT NULL DEFAULT 'normal',
  conflation_key text,
  version        integer     NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL DEFAULT now(),
  -- Set by the relay on a row that can never be published.
  failed_at      timestamptz,
  failure        text
);

CREATE INDEX IF NOT EXISTS ${name}_waiting ON ${table} (id) WHERE failed_at IS NULL;
CREATE INDEX IF NOT EXISTS ${name}_failed ON ${table} (failed_at) WHERE failed_at IS NOT NULL;

-- Many rows come and go: what they leave behind is cleared early.
ALTER TABLE ${table} SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.1);

-- Wakes the relay at once; without it, it looks every outbox.pollInterval. One notification a statement.
CREATE OR REPLACE FUNCTION ${schema}${name}_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('${channel}', '');
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER ${name}_wake AFTER INSERT ON ${table}
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}${name}_wake();
`;
}
