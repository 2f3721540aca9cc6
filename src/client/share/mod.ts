import type { Transport } from "../transport.ts";
import { type Locks, SharedStream } from "./shared_stream.ts";

export type { ServerMessage, Transport, TransportRequest } from "../transport.ts";
export type { Locks } from "./shared_stream.ts";

/** Of the code that is loaded later: after a deploy it may be another one's. */
const VERSION = 2;

/** Deno's types know no locks, and Node 20 has no navigator. */
type MaybeLocking = { readonly locks?: Locks } | undefined;

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
export function shareStream(
  inner: Transport,
  { subject, locks = (globalThis.navigator as MaybeLocking)?.locks }: ShareOptions,
): Transport {
  if (!locks || !globalThis.BroadcastChannel) return inner;
  return {
    async *connect(request, signal) {
      // A page that cannot share loads no more code; one that cannot load it has a stream of its own.
      const unite = await import("../unite/mod.ts").catch(() => undefined);
      if (unite?.VERSION !== VERSION) return yield* inner.connect(request, signal);
      const union = new unite.Union(request, await unite.nameOf(request, subject));
      yield* new SharedStream(inner, request, union).messages(locks, signal);
    },
  };
}
