/** Stands between a client and a server, and does to their connections what networks do. */
export class TcpProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #targetPort: number;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #pumps = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  /** Answers are dropped and the connection cut: the server did what was asked, and nobody hears of it. */
  losesAnswers = false;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) this.#close(connection);
    await this.#accepting;
    await Promise.all(this.#pumps);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#targetPort });
      for (const connection of [client, server]) this.#connections.add(connection);
      this.#start(this.#pump(client, server, () => false));
      this.#start(this.#pump(server, client, () => this.losesAnswers));
    }
  }

  #start(pump: Promise<void>): void {
    this.#pumps.add(pump);
    void pump.finally(() => this.#pumps.delete(pump));
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, isCut: () => boolean): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let read = await from.read(buffer); read !== null && !isCut(); read = await from.read(buffer)) {
        for (let sent = 0; sent < read;) sent += await to.write(buffer.subarray(sent, read));
      }
    } catch (error) {
      // The other pump, or an end of the connection, has closed it: both are what a proxy passes on.
      if (!(error instanceof Error)) throw error;
    }
    this.#close(from);
    this.#close(to);
  }

  #close(connection: Deno.TcpConn): void {
    if (this.#connections.delete(connection)) connection.close();
  }
}
