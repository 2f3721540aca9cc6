-- The transactional outbox of Tidegate, for PostgreSQL 14 or later.
CREATE TABLE IF NOT EXISTS event_outbox (
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

CREATE INDEX IF NOT EXISTS event_outbox_waiting ON event_outbox (id) WHERE failed_at IS NULL;
CREATE INDEX IF NOT EXISTS event_outbox_failed ON event_outbox (failed_at) WHERE failed_at IS NOT NULL;

-- Many rows come and go: what they leave behind is cleared early.
ALTER TABLE event_outbox SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.1);

-- Wakes the relay at once; without it, it looks every outbox.pollInterval. One notification a statement.
CREATE OR REPLACE FUNCTION event_outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('event_outbox', '');
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER event_outbox_wake AFTER INSERT ON event_outbox
  FOR EACH STATEMENT EXECUTE FUNCTION event_outbox_wake();
