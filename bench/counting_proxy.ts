/** A TCP proxy that counts what its target sends: how much of a broker's log has been read, whoever asks. */
export class CountingProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target = Promise.withResolvers<number>();
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #accepting: Promise<void>;
  #received = 0;

  constructor() {
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Bytes that the target has sent so far. */
  get received(): number {
    return this.#received;
  }

  /** Says where connections go; those that came before have waited for it. */
  connectTo(port: number): void {
    this.#target.resolve(port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#target.resolve(0);
    for (const connection of this.#connections) close(connection);
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) void this.#serve(client);
    } catch {
      // The listener was closed.
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    this.#connections.add(client);
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: await this.#target.promise });
      this.#connections.add(server);
      const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform: (chunk, controller) => {
          this.#received += chunk.length;
          controller.enqueue(chunk);
        },
      });
      await Promise.allSettled([
        client.readable.pipeTo(server.writable),
        server.readable.pipeThrough(count).pipeTo(client.writable),
      ]);
      this.#connections.delete(server);
    } catch {
      close(client);
    }
    this.#connections.delete(client);
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Its other end was faster.
  }
}
