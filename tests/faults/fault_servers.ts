/** The servers that rows use one after the other: each is started when it is first wanted, and left healed. */
export class FaultServers implements AsyncDisposable {
  readonly #started = new Map<() => Promise<AsyncDisposable>, Promise<AsyncDisposable>>();

  /** What this function starts; the same for everybody until {@link reset}. */
  async use<Server extends AsyncDisposable>(start: () => Promise<Server>): Promise<Server> {
    const server = this.#started.get(start) ?? start();
    this.#started.set(start, server);
    // Kept under the function that gave it.
    return await server as Server;
  }

  /** A row has failed, and nobody knows in what state it left them: the next row gets new ones. */
  async reset(): Promise<void> {
    const servers = [...this.#started.values()];
    this.#started.clear();
    for (const started of await Promise.allSettled(servers)) {
      if (started.status === "fulfilled") await started.value[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reset();
  }
}
