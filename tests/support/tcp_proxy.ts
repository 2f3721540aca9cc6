/** Bytes of one read: small, so that a throttled connection gets its bytes evenly. */
const READ_BYTES = 16_384;

/** Bytes that came together on one connection. */
export interface PassingBytes {
  /** The same object for all that passes on one connection, either way. */
  readonly connection: object;
  readonly isAnswer: boolean;
  readonly bytes: Uint8Array;
}

/** Where a connection shall stand still: how many of these bytes still pass. `undefined`: it goes on. */
export type HoldingPoint = (passing: PassingBytes) => number | undefined;

/** Stands between clients and a server, and does to their connections what networks do. */
export class TcpProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target = Promise.withResolvers<number>();
  readonly #links = new Set<Link>();
  readonly #accepting: Promise<void>;
  #thawed: PromiseWithResolvers<void> | undefined;
  #hold: { readonly point: HoldingPoint; readonly reached: () => void } | undefined;
  /** Answers are dropped and the connection cut: the server did what was asked, and nobody hears of it. */
  losesAnswers = false;
  /** New connections end at once. */
  isRefusing = false;
  /** Told of the bytes of each answer before they pass. */
  onAnswer: (byteCount: number) => void = () => {};
  /** How fast answers pass, on each connection. */
  bytesPerSecond = Number.POSITIVE_INFINITY;

  /** @param targetPort of 127.0.0.1; without it connections wait until {@link connectTo} */
  constructor(targetPort?: number) {
    if (targetPort !== undefined) this.#target.resolve(targetPort);
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  connectTo(targetPort: number): void {
    this.#target.resolve(targetPort);
  }

  /** Nothing passes and nothing ends; who connects is accepted and hears nothing. */
  freeze(): void {
    this.#thawed ??= Promise.withResolvers();
  }

  /** The connection that answered last passes nothing any more and does not end, as when a network has forgotten it. */
  stall(): void {
    const [last] = [...this.#links].sort((one, other) => other.answeredAtMs - one.answeredAtMs);
    if (last !== undefined) last.isStalled = true;
  }

  /** What was held passes on. */
  thaw(): void {
    this.#thawed?.resolve();
    this.#thawed = undefined;
  }

  /**
   * Resolves when a connection has come to the point. There it stands still in that direction, with what passed up to then
   * passed on, until the connection ends: by {@link cut}, or by its other direction. A later call replaces one that waits.
   */
  holdAt(point: HoldingPoint): Promise<void> {
    return new Promise((reached) => this.#hold = { point, reached });
  }

  /** Every connection ends, on both sides. */
  cut(): void {
    for (const link of this.#links) this.#end(link);
  }

  /** Clients are gone and the server does not hear of it: its side stays open, and nobody reads there any more. */
  abandon(): void {
    for (const link of this.#links) {
      link.isAbandoned = true;
      this.#close(link.client);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#target.resolve(0);
    this.thaw();
    this.cut();
    await this.#accepting;
    await Promise.all([...this.#links].map(({ ended }) => ended));
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) {
        if (this.isRefusing) client.close();
        else await this.#connect(client);
      }
    } catch (error) {
      // The listener was closed.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #connect(client: Deno.TcpConn): Promise<void> {
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: await this.#target.promise });
      // Else each piece of an answer would wait for the acknowledgement of the one before.
      for (const connection of [client, server]) connection.setNoDelay(true);
      const link: Link = {
        client,
        server,
        isAbandoned: false,
        isStalled: false,
        answeredAtMs: 0,
        ended: Promise.resolve(),
        over: Promise.withResolvers(),
      };
      this.#links.add(link);
      link.ended = Promise.all([this.#pump(link, client, server), this.#pump(link, server, client)])
        .then(() => void this.#links.delete(link));
    } catch {
      // The server is down.
      client.close();
    }
  }

  async #pump(link: Link, from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const isAnswer = from === link.server;
    const buffer = new Uint8Array(READ_BYTES);
    try {
      for (let read = await from.read(buffer); read !== null; read = await from.read(buffer)) {
        await this.#thawed?.promise;
        // Read and dropped: to both ends the other seems to be there.
        if (link.isStalled) continue;
        if (isAnswer && this.losesAnswers) break;
        if (isAnswer) this.onAnswer(read);
        if (isAnswer) link.answeredAtMs = performance.now();
        const hold = this.#hold;
        const held = hold?.point({ connection: link, isAnswer, bytes: buffer.subarray(0, read) });
        if (held !== undefined) this.#hold = undefined;
        const end = held ?? read;
        for (let sent = 0; sent < end;) sent += await to.write(buffer.subarray(sent, end));
        if (held !== undefined) {
          hold?.reached();
          await link.over.promise;
          break;
        }
        if (!isAnswer || this.bytesPerSecond === Number.POSITIVE_INFINITY) continue;
        await new Promise((resolve) => setTimeout(resolve, read * 1_000 / this.bytesPerSecond));
      }
    } catch (error) {
      // The other pump, or an end of the connection, has closed it: both are what a proxy passes on.
      if (!(error instanceof Error)) throw error;
    }
    if (!link.isAbandoned) this.#end(link);
  }

  #end({ client, server, over }: Link): void {
    over.resolve();
    this.#close(client, server);
  }

  #close(...connections: readonly Deno.TcpConn[]): void {
    for (const connection of connections) {
      try {
        connection.close();
      } catch (error) {
        // Closed before.
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
    }
  }
}

/** One client's connection and the one that is made for it. */
interface Link {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
  isAbandoned: boolean;
  isStalled: boolean;
  answeredAtMs: number;
  ended: Promise<void>;
  readonly over: PromiseWithResolvers<void>;
}
