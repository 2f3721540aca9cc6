import type { Transport } from "../transport.ts";
import { type Locks, SharedStream } from "./shared_stream.ts";

export type { ServerMessage, Transport, TransportRequest } from "../transport.ts";
export type { Locks } from "./shared_stream.ts";

/** How a page shares. */
export interface ShareOptions {
  /** Whom the page's token speaks for: pages of one subject share, others do not. */
  readonly subject: string;
  /** Default `navigator.locks`; `null` where there are none. */
  readonly locks?: Locks | null;
}

/**
 * A transport that has one stream for all pages of this browser with the same URL and subject: one for those that name
 * scopes, with the scopes of all, and one for those that take all that is granted.
 */
export function shareStream(inner: Transport, { subject, locks = browserLocks() }: ShareOptions): Transport {
  if (!locks || !globalThis.BroadcastChannel) return inner;
  return {
    async *connect(request, signal) {
      const key = new TextEncoder().encode(JSON.stringify([request.url, subject, !request.scopes[0]]));
      const name = `tidegate ${new Uint8Array(await crypto.subtle.digest("SHA-256", key))}`;
      // A page that cannot share loads no more code.
      const { Union } = await import("../unite/mod.ts");
      const stream = new SharedStream(inner, request, new BroadcastChannel(name), new Union(request, name));
      yield* stream.messages(locks, name, signal);
    },
  };
}

function browserLocks(): Locks | undefined {
  // Deno's types know no locks, and Node 20 has no navigator.
  return (globalThis.navigator as { readonly locks?: Locks } | undefined)?.locks;
}
