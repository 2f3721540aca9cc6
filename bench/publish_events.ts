import { payloadText } from "./load/payload.ts";
import type { RunningPeer } from "./peers/peer.ts";

const BATCH = 500;

/** Publishes events one after the other in this order, their payloads numbered from 0. Tidegate only. */
export async function publishEvents(peer: RunningPeer, scopes: readonly string[], payloadBytes: number): Promise<void> {
  const { token } = peer.publishing();
  for (let start = 0; start < scopes.length; start += BATCH) {
    const items = scopes.slice(start, start + BATCH).map((scope, index) =>
      `{"event":"bench.event-sent","scope":"${scope}","data":${payloadText(start + index, payloadBytes)}}`
    );
    const response = await fetch(`http://127.0.0.1:${peer.port}/api/v1/events`, {
      method: "POST",
      headers: { "authorization": `Bearer ${token}`, "content-type": "application/json" },
      body: `[${items.join(",")}]`,
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`Cannot publish: the gateway answers ${response.status} ${text}`);
  }
}
