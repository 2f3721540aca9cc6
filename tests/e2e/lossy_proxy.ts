/** What the proxy does to the frames of events with these numbers, on every stream. */
export interface Mischief {
  readonly delete?: readonly number[];
  readonly repeat?: readonly number[];
  /** The event comes behind the next one. */
  readonly swap?: readonly number[];
  /** Everything from this event on waits for a second. */
  readonly hold?: readonly number[];
}

const HOLD_MS = 1_000;

/** Stands between clients and a gateway, and does wrong to single frames of its streams. */
export class LossyProxy implements AsyncDisposable {
  readonly url: string;
  /** Where requests go; another gateway's may take its place. */
  target: string;
  readonly #mischief: Mischief;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #readers: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>[] = [];

  constructor(target: string, mischief: Mischief) {
    this.target = target;
    this.#mischief = mischief;
    const pass = (request: Request) => this.#pass(request).catch(() => new Response("no gateway", { status: 502 }));
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, pass);
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async #pass(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const abort = new AbortController();
    const response = await fetch(`${this.target}${pathname}${search}`, {
      method: request.method,
      headers: request.headers,
      body: request.body === null ? null : await request.bytes(),
      signal: abort.signal,
    });
    const headers = new Headers(response.headers);
    if (!headers.get("content-type")?.startsWith("text/event-stream") || response.body === null) {
      return new Response(await response.bytes(), { status: response.status, headers });
    }
    const reader = response.body.getReader();
    this.#readers.push(reader);
    return new Response(spoilt(reader, this.#mischief, abort), { headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    // Of a client that has gone nobody may have read to the end.
    await Promise.allSettled(this.#readers.map((reader) => reader.cancel()));
  }
}

function spoilt(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  mischief: Mischief,
  abort: AbortController,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  let rest = "";
  let swapped = "";
  return new ReadableStream({
    pull: async (controller) => {
      // Until there is something to pass on: a pull that enqueues nothing is not followed by another.
      for (let out = ""; out === "";) {
        const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
        if (done) return controller.close();
        const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          const number = Number(/"number":(\d+)/.exec(block)?.[1] ?? NaN);
          const frame = `${block}\n\n`;
          if (mischief.hold?.includes(number)) await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
          if (mischief.delete?.includes(number)) continue;
          if (mischief.swap?.includes(number)) {
            swapped = frame;
            continue;
          }
          out += mischief.repeat?.includes(number) ? frame + frame : frame;
          if (Number.isNaN(number)) continue;
          out += swapped;
          swapped = "";
        }
        if (out !== "") controller.enqueue(encoder.encode(out));
      }
    },
    cancel: () => abort.abort(),
  });
}
