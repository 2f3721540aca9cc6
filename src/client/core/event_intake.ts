import type { Listeners } from "./listeners.ts";
import { RecentEvents } from "./recent_events.ts";
import type { StandardSchema } from "./sse_client_options.ts";
import type { SSEEvent, SSEGap } from "./sse_event.ts";

/** What may stand in the data of the gateway's own events; see docs/protocol.md. */
export interface ControlData {
  readonly [field: string]: unknown;
  readonly connectionId?: string;
  readonly heartbeatMs?: number;
  readonly transport?: "stream" | "poll";
  readonly retryAfterMs?: number;
  readonly from?: string;
  readonly count?: number;
}

interface Envelope {
  readonly version?: number;
  readonly scope?: string;
  readonly time?: string;
  readonly data?: unknown;
}

const NO_RANGE: SSEGap = { source: null, partition: null, from: null, to: null, reason: "", lost: null, resync: true };

/** Makes of messages what listeners get: each event once, parsed; gaps; the gateway's own events. */
export class EventIntake {
  readonly #listeners: Listeners;
  readonly #schemas: Readonly<Record<string, StandardSchema<unknown> | undefined>>;
  readonly #recent = new RecentEvents();
  /** Milliseconds since 1970. */
  lastEventAtMs: number | undefined;

  constructor(listeners: Listeners, schemas: Readonly<Record<string, StandardSchema<unknown> | undefined>> = {}) {
    this.#listeners = listeners;
    this.#schemas = schemas;
  }

  startConnection(): void {
    this.#recent.startConnection();
  }

  /** What cannot be read is told as an error. Returns the data of a control event, for the client's own use. */
  take(name: string, id: string, text: string): ControlData | undefined {
    try {
      const parsed = JSON.parse(text);
      if (name.startsWith("stream.")) {
        this.#takeControl(name, parsed);
        if (name === "stream.failed") this.#takeEvent(name, id, {}, parsed);
        return parsed;
      }
      this.#takeEvent(name, id, parsed, parsed.data);
    } catch (error) {
      this.#listeners.tell("error", new Error(`Cannot read the data of ${name}`, { cause: error }));
    }
    return undefined;
  }

  #takeEvent(name: string, id: string, { version = 1, scope = "", time = "" }: Envelope, said: unknown): void {
    const identity = id.replace(/~.*/, "");
    if (!this.#recent.isNew(identity && `${identity} ${name} ${scope}`)) return;
    this.lastEventAtMs = Date.now();
    const data = this.#parsed(name, said);
    const event: SSEEvent = { name, id, identity, scope, time, version, data };
    this.#listeners.tell(`event ${name}`, event);
    this.#listeners.tell("any", event);
  }

  #parsed(name: string, data: unknown): unknown {
    const result = this.#schemas[name]?.["~standard"].validate(data);
    if (!result) return data;
    // Waiting for one would let the next event pass it.
    if ("then" in result) throw new TypeError("the schema is asynchronous");
    if (result.issues) throw new TypeError(result.issues.map(({ message }) => message).join("; "));
    return result.value;
  }

  #takeControl(name: string, data: ControlData): void {
    this.#listeners.tell("control", { name, data });
    if (name === "stream.gap-detected") this.#tellGap({ ...NO_RANGE, ...data });
    if (name === "stream.events-dropped") {
      const source = data.from?.replace(/:.*/, "") ?? null;
      this.#tellGap({ ...NO_RANGE, source, lost: data.count ?? null, reason: "dropped", resync: false });
    }
  }

  #tellGap(gap: SSEGap): void {
    this.#listeners.tell("gap", gap);
    if (gap.resync) this.#listeners.tell("reset");
  }
}
