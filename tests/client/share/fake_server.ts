import {
  type ServerMessage,
  type Transport,
  TransportError,
  type TransportRequest,
} from "../../../src/client/transport.ts";

/** One event of the fake log. */
export interface LoggedEvent {
  readonly id: string;
  readonly event: string;
  readonly scopes: readonly string[];
}

/** A gateway in small: one log, streams that resume from any id, and a count of those that are open. */
export class FakeServer {
  readonly log: LoggedEvent[] = [];
  openStreams = 0;
  openedStreams = 0;
  /** The scopes of the streams that are open, and of all that were opened. */
  readonly openScopes = new Set<readonly string[]>();
  readonly openedScopes: (readonly string[])[] = [];
  /** More scopes than that are refused, as is one that is not granted. */
  maxScopes = 100;
  refusals = 0;
  /** What the next stream fails with, whatever it asks for: an error, or a block that is all of the stream. */
  refuseNext: Error | ServerMessage | undefined;
  /** The tokens of all streams that were opened. */
  readonly openedWith: (string | undefined)[] = [];
  readonly #wakes = new Set<() => void>();
  readonly #breaks = new Set<AbortController>();
  /** Of each open stream: what it is to announce, and what of the log it has lost. */
  readonly #drops = new Set<{ readonly announced: ServerMessage[]; readonly indices: Set<number> }>();
  /** A transport of one page's client. */
  readonly transport: Transport = { connect: (request, signal) => this.#stream(request, signal) };

  publish(event: string, scopes: readonly string[] = ["global"]): void {
    this.log.push({ id: `log:0:${this.log.length}`, event, scopes });
    for (const wake of this.#wakes) wake();
  }

  /** Every open stream announces these as lost, in a block without an id, and never brings them; later ones do. */
  lose(from: number, to: number, event: Loss = "stream.events-dropped"): void {
    for (const { indices } of this.#drops) {
      for (let index = from; index <= to; index++) indices.add(index);
    }
    this.announce(event, lossOf(from, to));
  }

  /** Every open stream brings this, in a block without an id. */
  announce(event: string, data = "{}"): void {
    for (const { announced } of this.#drops) announced.push({ event, data });
    for (const wake of this.#wakes) wake();
  }

  /** Every open stream ends, as when a node goes away. */
  breakAll(): void {
    for (const each of this.#breaks) each.abort();
  }

  async *#stream(
    { lastEventId, events, scopes, headers }: TransportRequest,
    signal: AbortSignal,
  ): AsyncGenerator<ServerMessage> {
    await turn();
    signal.throwIfAborted();
    const refusal = this.refuseNext;
    this.refuseNext = undefined;
    if (refusal instanceof Error) throw refusal;
    if (refusal !== undefined) return yield refusal;
    if (scopes.length > this.maxScopes || scopes.includes("user:forbidden")) {
      this.refusals++;
      throw new TransportError(scopes.includes("user:forbidden") ? 403 : 400, "these scopes cannot be had");
    }
    const broken = new AbortController();
    let wake = () => {};
    const onWake = () => wake();
    this.openStreams++;
    this.openedStreams++;
    this.openScopes.add(scopes);
    this.openedScopes.push(scopes);
    this.openedWith.push(headers?.["authorization"]);
    this.#wakes.add(onWake);
    this.#breaks.add(broken);
    const drops = { announced: [] as ServerMessage[], indices: new Set<number>() };
    this.#drops.add(drops);
    signal.addEventListener("abort", onWake);
    broken.signal.addEventListener("abort", onWake);
    try {
      let next = lastEventId === undefined ? this.log.length : Number(lastEventId.split(":")[2]) + 1;
      const cursor = () => `log:0:${next - 1}`;
      const opened = { connectionId: `c${this.openedStreams}` };
      yield { id: cursor(), event: "stream.opened", data: JSON.stringify(opened) };
      let isCaughtUp = lastEventId === undefined;
      let told = next;
      while (!broken.signal.aborted) {
        signal.throwIfAborted();
        const announced = drops.announced.shift();
        if (announced !== undefined) {
          yield announced;
          continue;
        }
        const logged = this.log[next];
        if (logged !== undefined) {
          next++;
          const isWanted = events.length === 0 || events.includes(logged.event);
          const envelope = envelopeOf(logged, scopes);
          if (!isWanted || envelope === undefined || drops.indices.has(next - 1)) continue;
          told = next;
          yield { id: logged.id, event: logged.event, data: JSON.stringify(envelope) };
          continue;
        }
        if (!isCaughtUp) {
          isCaughtUp = true;
          yield { id: cursor(), event: "stream.caught-up", data: "{}" };
        } else if (told !== next) yield { id: cursor() };
        told = next;
        if (next < this.log.length || drops.announced.length > 0) continue;
        await new Promise<void>((resolve) => wake = resolve);
      }
    } finally {
      this.openStreams--;
      this.openScopes.delete(scopes);
      this.#wakes.delete(onWake);
      this.#breaks.delete(broken);
      this.#drops.delete(drops);
      signal.removeEventListener("abort", onWake);
    }
  }
}

/** As a stream of these scopes brings it: under the first that the event addresses, and all of them. */
export function envelopeOf({ id, scopes }: LoggedEvent, asked: readonly string[]): Record<string, unknown> | undefined {
  const [scope, ...more] = asked.length === 0 ? scopes : asked.filter((each) => scopes.includes(each));
  if (scope === undefined) return undefined;
  return { version: 1, scope, data: id, ...(more.length === 0 ? {} : { scopes: [scope, ...more] }) };
}

/** How a stream announces a loss. */
export type Loss = "stream.events-dropped" | "stream.gap-detected";

/** What a stream says of events that are lost. */
export function lossOf(from: number, to: number): string {
  return JSON.stringify({ from: `log:0:${from}`, to: `log:0:${to}`, reason: "retention", resync: true });
}

/** A turn of the event loop, as a request takes at least one. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
