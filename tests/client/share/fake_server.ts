import type { ServerMessage, Transport, TransportRequest } from "../../../src/client/transport.ts";

/** One event of the fake log. */
export interface LoggedEvent {
  readonly id: string;
  readonly event: string;
}

/** A gateway in small: one log, streams that resume from any id, and a count of those that are open. */
export class FakeServer {
  readonly log: LoggedEvent[] = [];
  openStreams = 0;
  openedStreams = 0;
  readonly #wakes = new Set<() => void>();
  readonly #breaks = new Set<AbortController>();
  /** A transport of one page's client. */
  readonly transport: Transport = { connect: (request, signal) => this.#stream(request, signal) };

  publish(event: string): void {
    this.log.push({ id: `log:0:${this.log.length}`, event });
    for (const wake of this.#wakes) wake();
  }

  /** Every open stream ends, as when a node goes away. */
  breakAll(): void {
    for (const each of this.#breaks) each.abort();
  }

  async *#stream({ lastEventId, events }: TransportRequest, signal: AbortSignal): AsyncGenerator<ServerMessage> {
    await turn();
    signal.throwIfAborted();
    const broken = new AbortController();
    let wake = () => {};
    const onWake = () => wake();
    this.openStreams++;
    this.openedStreams++;
    this.#wakes.add(onWake);
    this.#breaks.add(broken);
    signal.addEventListener("abort", onWake);
    broken.signal.addEventListener("abort", onWake);
    try {
      let next = lastEventId === undefined ? this.log.length : Number(lastEventId.split(":")[2]) + 1;
      const cursor = () => `log:0:${next - 1}`;
      yield { id: cursor(), event: "stream.opened", data: "{}" };
      let isCaughtUp = lastEventId === undefined;
      let told = next;
      while (!broken.signal.aborted) {
        signal.throwIfAborted();
        const logged = this.log[next];
        if (logged !== undefined) {
          next++;
          const isWanted = events.length === 0 || events.includes(logged.event);
          if (!isWanted) continue;
          told = next;
          yield { id: logged.id, event: logged.event, data: JSON.stringify({ scope: "global", data: logged.id }) };
          continue;
        }
        if (!isCaughtUp) {
          isCaughtUp = true;
          yield { id: cursor(), event: "stream.caught-up", data: "{}" };
        } else if (told !== next) yield { id: cursor() };
        told = next;
        if (next < this.log.length) continue;
        await new Promise<void>((resolve) => wake = resolve);
      }
    } finally {
      this.openStreams--;
      this.#wakes.delete(onWake);
      this.#breaks.delete(broken);
      signal.removeEventListener("abort", onWake);
    }
  }
}

/** A turn of the event loop, as a request takes at least one. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
