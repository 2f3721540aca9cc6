/** Calls when a page that may have slept is back: visible, online, out of the page cache, out of a freeze. Until the signal is aborted. */
export function onWake(wake: () => void, signal: AbortSignal): void {
  const listen = (target: EventTarget | undefined, type: string, listener = wake) =>
    target?.addEventListener?.(type, listener, { signal });
  // Neither Deno's nor Node's global object is a page's.
  const { document } = globalThis as { readonly document?: EventTarget & { readonly hidden: boolean } };
  listen(document, "visibilitychange", () => document?.hidden || wake());
  listen(document, "resume");
  // A worker's and a page's global object are event targets; Node's is none, and has no such function.
  listen(globalThis, "online");
  listen(globalThis, "pageshow");
}
