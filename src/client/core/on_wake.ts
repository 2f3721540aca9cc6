/** Calls when a page that may have slept is back: visible, online, out of the page cache, out of a freeze. Returns what ends that. */
export function onWake(wake: () => void): () => void {
  const ends: (() => void)[] = [];
  const listen = (target: EventTarget | undefined, type: string, listener: () => void) => {
    target?.addEventListener?.(type, listener);
    ends.push(() => target?.removeEventListener?.(type, listener));
  };
  // Neither Deno's nor Node's global object is a page's.
  const { document } = globalThis as { readonly document?: EventTarget & { readonly hidden: boolean } };
  listen(document, "visibilitychange", () => document?.hidden || wake());
  listen(document, "resume", wake);
  // A worker's and a page's global object are event targets; Node's is none, and has no such function.
  const page = globalThis as Partial<EventTarget> as EventTarget;
  listen(page, "online", wake);
  listen(page, "pageshow", wake);
  return () => ends.forEach((end) => end());
}
