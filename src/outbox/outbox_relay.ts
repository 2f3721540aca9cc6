/**
 * The transactional outbox: rows that an application inserts in its own transactions, published into a bus.
 *
 *     INSERT … COMMIT ─▶ event_outbox ─ oldest first ─▶ bus.publish ─ confirmed ─▶ DELETE
 *
 * - *Complete by state*: whatever is visible and not deleted is still to be published; there is no position that a
 *   late commit could fall behind (`outbox_table.ts`).
 * - *At least once*: deleted only after the bus confirmed. What is published twice, after a crash between the two,
 *   carries the same `tidegate-outbox-id`.
 * - *One at a time* over all nodes, by an advisory lock; whoever is free takes the next batch.
 * - *Bounded*: one batch in memory, whatever waits in the table.
 * - *Nobody waits for poison*: `outbox_delivery.ts` finds the rows that can never be published.
 */
import { getLogger } from "@logtape/logtape";
import { OutboxDelivery, type OutboxRows } from "./outbox_delivery.ts";
import type { EncodeRow, OutboxBus } from "./outbox_row.ts";
import { type BatchLimits, type LockedRows, type OutboxLag, OutboxTable } from "./outbox_table.ts";
import { listenForRows } from "./outbox_wake_up_calls.ts";
import { type PostgresAddress, PostgresSession } from "./postgres_session.ts";
import { WakeUp } from "./wake_up.ts";

/** What a relay is told; {@link OutboxRelaySettings.table} and `channel` are checked names, for they become SQL. */
export interface OutboxRelaySettings extends PostgresAddress, BatchLimits {
  readonly table: string;
  readonly channel: string;
  /** Whether to LISTEN; without it rows wait up to `pollIntervalMs`. */
  readonly listen: boolean;
  readonly pollIntervalMs: number;
  readonly maxAttempts: number;
  /** How long rows that failed stay in the table. */
  readonly failedRetentionMs: number;
}

/** Learns what the relay does; must not throw. */
export interface OutboxObserver {
  published(rows: number): void;
  failed(rows: number): void;
  lag(lag: OutboxLag): void;
  stateChanged(state: "up" | "down"): void;
}

/** What one look at the table came to. */
type Turn = "more" | "idle" | "refused";

const log = getLogger(["tidegate", "outbox"]);

/** How often the lag is measured and old failed rows are deleted. */
const LOOK_INTERVAL_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;
/** A listener that cannot be had is tried again after this; polling goes on. */
const LISTEN_PAUSE_MS = 5_000;

/** Relays until it is disposed of, whatever fails meanwhile. */
export class OutboxRelay implements AsyncDisposable {
  readonly #settings: OutboxRelaySettings;
  readonly #source: string;
  readonly #delivery: OutboxDelivery;
  readonly #observer: OutboxObserver;
  readonly #closing = new AbortController();
  readonly #wakeUp = new WakeUp();
  readonly #running: Promise<unknown>;
  #session: PostgresSession | undefined;
  #state: "up" | "down" | undefined;
  #isRefused = false;
  #nextLookMs = 0;

  /** Starts at once. */
  constructor(settings: OutboxRelaySettings, bus: OutboxBus, encode: EncodeRow, observer: OutboxObserver) {
    this.#settings = settings;
    this.#source = bus.source;
    this.#delivery = new OutboxDelivery(bus, encode, settings.maxAttempts);
    this.#observer = observer;
    this.#running = Promise.all([this.#relay(), settings.listen ? this.#listen() : undefined]);
  }

  /** Finishes the batch that is being published, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #relay(): Promise<void> {
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted;) {
      const turn = await this.#attempt();
      if (turn === "more") {
        failures = 0;
        // Other work of this process gets its turn between two batches.
        await new Promise((resolve) => setTimeout(resolve, 0));
      } else if (turn === "idle") {
        failures = 0;
        await this.#wakeUp.wait(this.#settings.pollIntervalMs, signal);
      } else {
        const ceilingMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++);
        // A wake-up must not shorten it: inserting would hammer what is away. Not below a quarter: no hot loop.
        await new WakeUp().wait(ceilingMs * (0.25 + 0.75 * Math.random()), signal);
      }
    }
    await this.#session?.[Symbol.asyncDispose]();
  }

  async #attempt(): Promise<Turn> {
    const { table: name } = this.#settings;
    try {
      if (this.#session?.isUsable !== true) this.#session = await PostgresSession.open(this.#settings);
      const table = new OutboxTable(this.#session, name, this.#settings);
      const turn = await this.#publishBatch(table);
      if (performance.now() >= this.#nextLookMs) await this.#look(table);
      this.#changeState("up", undefined);
      return turn;
    } catch (error) {
      this.#changeState("down", error);
      // A statement that failed is tried on a new connection too: nothing of the old one's state is relied upon.
      await this.#session?.[Symbol.asyncDispose]();
      this.#session = undefined;
      return "refused";
    }
  }

  async #publishBatch(table: OutboxTable): Promise<Turn> {
    if (!await table.hasWaiting()) return "idle";
    const outcome = await table.exclusively(async (rows) => {
      const waiting = await rows.oldest();
      return { count: waiting.length, ...await this.#delivery.deliver(waiting, this.#logged(rows)) };
    });
    if (outcome.kind === "taken") return "idle";
    const { count, published, failed, refusal } = outcome.result;
    if (published > 0) this.#observer.published(published);
    if (failed > 0) this.#observer.failed(failed);
    this.#noteRefusal(refusal);
    if (published + failed > 0) return "more";
    return count === 0 ? "idle" : "refused";
  }

  #logged(rows: LockedRows): OutboxRows {
    return {
      rowBehind: (skipped) => rows.rowBehind(skipped),
      remove: (ids) => rows.remove(ids),
      markFailed: async (row, reason) => {
        log.error("Cannot publish row {id} of {table}, which is set aside: {reason}", {
          id: row.id,
          recordID: row.recordID,
          table: this.#settings.table,
          reason,
        });
        await rows.markFailed(row, reason);
      },
    };
  }

  async #look(table: OutboxTable): Promise<void> {
    this.#observer.lag(await table.lag());
    await table.deleteFailed(this.#settings.failedRetentionMs);
    this.#nextLookMs = performance.now() + LOOK_INTERVAL_MS;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#closing;
    const { channel } = this.#settings;
    while (!signal.aborted) {
      try {
        if (await listenForRows(this.#settings, channel, this.#wakeUp, signal) === "deaf") {
          log.warn(
            "Cannot hear notifications on {channel}, polling every {pollIntervalMs} ms: a pooler in between does not " +
              "pass them on. Set outbox.listen to false",
            { channel, pollIntervalMs: this.#settings.pollIntervalMs },
          );
          return;
        }
      } catch (error) {
        // The relay itself tells that the server is away.
        log.debug("Cannot listen on {channel}: {error}", { channel, error });
      }
      await new WakeUp().wait(LISTEN_PAUSE_MS * Math.random(), signal);
    }
  }

  #noteRefusal(refusal: unknown): void {
    const isRefused = refusal !== undefined;
    if (isRefused === this.#isRefused) return;
    this.#isRefused = isRefused;
    if (isRefused) {
      log.warn("Cannot publish rows of the outbox to {source}: {refusal}", { source: this.#source, refusal });
    } else log.info("Source {source} takes rows of the outbox again", { source: this.#source });
  }

  #changeState(state: "up" | "down", error: unknown): void {
    if (state === this.#state) return;
    this.#state = state;
    const { table } = this.#settings;
    if (state === "up") log.info("Relaying {table} to {source}", { table, source: this.#source });
    else log.error("Cannot relay {table}, trying again: {error}", { table, error });
    this.#observer.stateChanged(state);
  }
}
