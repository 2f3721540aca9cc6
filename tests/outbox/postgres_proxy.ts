import { connect, createServer, type Socket } from "node:net";

/** A way to PostgreSQL that a test can spoil. */
export interface PostgresProxy extends AsyncDisposable {
  readonly url: string;
  /** What clients send from here on is never passed on, and nothing is closed. */
  freeze(): void;
  /** Ends every connection, and the freeze with them. */
  cut(): void;
}

/** Passes connections on, byte by byte; `withoutNotifications` leaves out what LISTEN would bring. */
export async function startPostgresProxy(
  url: string,
  options: { readonly withoutNotifications?: boolean } = {},
): Promise<PostgresProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const pass = options.withoutNotifications === true ? withoutNotifications() : (bytes: Uint8Array) => bytes;
    client.on("data", (bytes) => !isFrozen && upstream.write(bytes));
    upstream.on("data", (bytes) => client.write(pass(bytes)));
    for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        if (!isFrozen) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Cannot start the proxy: it has no port");
  const cut = () => {
    isFrozen = false;
    for (const socket of sockets) socket.destroy();
  };
  const through = new URL(url);
  through.host = `127.0.0.1:${address.port}`;
  return {
    url: through.href,
    freeze: () => void (isFrozen = true),
    cut,
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Leaves out the messages `A` (NotificationResponse): a byte of type, four of length, the rest. */
function withoutNotifications(): (bytes: Uint8Array) => Uint8Array {
  let rest = new Uint8Array();
  return (bytes) => {
    const all = new Uint8Array([...rest, ...bytes]);
    const kept: number[] = [];
    let at = 0;
    while (at + 5 <= all.length) {
      const end = at + 1 + new DataView(all.buffer).getInt32(at + 1);
      if (end > all.length) break;
      if (all[at] !== "A".charCodeAt(0)) kept.push(...all.subarray(at, end));
      at = end;
    }
    rest = all.slice(at);
    return new Uint8Array(kept);
  };
}
