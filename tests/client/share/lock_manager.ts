interface Request {
  readonly mode: LockMode;
  readonly grant: () => void;
}

interface Line {
  readonly held: Set<Request>;
  readonly queue: Request[];
}

/** As in the specification; Deno's types have none of it. */
export type LockMode = "exclusive" | "shared";
export interface Lock {
  readonly name: string;
  readonly mode: LockMode;
}
export interface LockOptions {
  readonly mode?: LockMode;
  readonly ifAvailable?: boolean;
  readonly signal?: AbortSignal;
}
type Callback<Result> = (lock: Lock | null) => Result | Promise<Result>;

/** What a page does with `navigator.locks`. */
export interface Locks {
  request<Result>(name: string, callback: Callback<Result>): Promise<Result>;
  request<Result>(name: string, options: LockOptions, callback: Callback<Result>): Promise<Result>;
}

/**
 * Web Locks as the specification has them (W3C Web Locks API: request, queue order, shared and exclusive, `ifAvailable`,
 * `signal`), because Deno 2.6 has none, and that of 2.9 knows one page only. One is a browser profile; each page that takes
 * part has a door of its own, and closing the door is what a browser does with the locks and requests of a page that goes
 * away. `steal` and `query` are not there.
 */
export class LockManagerDouble {
  readonly #lines = new Map<string, Line>();

  /** Whether anybody holds the lock. */
  isHeld(name: string): boolean {
    return (this.#lines.get(name)?.held.size ?? 0) > 0;
  }

  /** Names of locks that are held. */
  get heldNames(): readonly string[] {
    return [...this.#lines].filter(([, { held }]) => held.size > 0).map(([name]) => name);
  }

  /** The `navigator.locks` of one page; `closed` is aborted when the page goes away. */
  page(closed: AbortSignal): Locks {
    const request = async <Result>(
      name: string,
      first: LockOptions | Callback<Result>,
      second?: Callback<Result>,
    ): Promise<Result> => {
      const [options, callback] = typeof first === "function" ? [{} as LockOptions, first] : [first, second];
      if (callback === undefined) throw new TypeError("There is no callback");
      const { mode = "exclusive", ifAvailable = false, signal } = options;
      if (name.startsWith("-")) throw new DOMException("The name begins with a hyphen", "NotSupportedError");
      if (ifAvailable && signal !== undefined) throw new DOMException("Not together", "NotSupportedError");
      signal?.throwIfAborted();
      closed.throwIfAborted();
      const line = this.#lineOf(name);
      const granted = Promise.withResolvers<void>();
      const own: Request = { mode, grant: granted.resolve };
      if (ifAvailable && !canGrant(line, mode)) return await callback(null);
      line.queue.push(own);
      const leaveQueue = () => {
        const index = line.queue.indexOf(own);
        if (index < 0) return;
        line.queue.splice(index, 1);
        granted.reject(signal?.reason ?? closed.reason);
        grantNext(line);
      };
      const release = () => {
        line.held.delete(own);
        grantNext(line);
      };
      // A page that goes away gives up all at once, whatever its callback waits for.
      const vanish = () => {
        leaveQueue();
        release();
      };
      signal?.addEventListener("abort", leaveQueue);
      closed.addEventListener("abort", vanish);
      grantNext(line);
      try {
        await granted.promise;
        signal?.removeEventListener("abort", leaveQueue);
        return await callback({ name, mode });
      } finally {
        release();
        signal?.removeEventListener("abort", leaveQueue);
        closed.removeEventListener("abort", vanish);
      }
    };
    return { request };
  }

  #lineOf(name: string): Line {
    const line = this.#lines.get(name) ?? { held: new Set(), queue: [] };
    this.#lines.set(name, line);
    return line;
  }
}

function canGrant({ held, queue }: Line, mode: LockMode): boolean {
  return queue.length === 0 && isCompatible(held, mode);
}

function isCompatible(held: ReadonlySet<Request>, mode: LockMode): boolean {
  return held.size === 0 || (mode === "shared" && [...held].every((each) => each.mode === "shared"));
}

/** In the order of the requests: one that must wait holds up all behind it. */
function grantNext(line: Line): void {
  for (let first = line.queue[0]; first !== undefined && isCompatible(line.held, first.mode); first = line.queue[0]) {
    line.queue.shift();
    line.held.add(first);
    first.grant();
  }
}
