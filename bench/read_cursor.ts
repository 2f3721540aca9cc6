import type { RunningPeer } from "./peers/peer.ts";

const TIMEOUT_MS = 10_000;

/** The cursor that a stream of these scopes begins with: where somebody stands who has read everything so far. */
export async function readCursor(peer: RunningPeer, user: string, scopes: readonly string[]): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: peer.port });
  const timer = setTimeout(() => connection.close(), TIMEOUT_MS);
  await connection.write(new TextEncoder().encode(peer.streamRequest(user, scopes)));
  const decoder = new TextDecoder();
  const bytes = new Uint8Array(64 * 1_024);
  let text = "";
  for (;;) {
    const count = await connection.read(bytes);
    if (count === null) throw new Error(`Cannot read a cursor: the stream ended behind ${JSON.stringify(text)}`);
    text += decoder.decode(bytes.subarray(0, count), { stream: true });
    const cursor = /^id: (.+)$/m.exec(text)?.[1];
    if (cursor === undefined) continue;
    clearTimeout(timer);
    return cursor;
  }
}
