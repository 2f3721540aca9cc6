import { createHash } from "node:crypto";
import { type Link, LinkedQueue } from "./linked_queue.ts";

/** Whose key it is: two publishers never meet in one key. */
export interface KeyOwner {
  readonly issuer: string;
  readonly subject: string;
}

/** What came of a request with an `Idempotency-Key`. */
export type IdempotentOutcome<Result> =
  /** `isRepeat`: an earlier request with this key and body did the work. */
  | { readonly kind: "done"; readonly result: Result; readonly isRepeat: boolean }
  /** The key belongs to another body. */
  | { readonly kind: "conflict" }
  /** As many requests with keys are under way as the window has room for. */
  | { readonly kind: "full" };

/** Limits of an {@link IdempotencyWindow}. */
export interface IdempotencyLimits<Result> {
  /** How long a key is remembered after its work was done. */
  readonly windowMs: number;
  /** Most keys at once; beyond, the one that was done first is forgotten first. */
  readonly maxKeys: number;
  /** As how many keys a result counts, for results that differ in size. Default 1. */
  readonly weigh?: (result: Result) => number;
}

/** One owner may hold this share of all keys; beyond, its own oldest one goes, not a neighbour's. */
const MAX_SHARE_OF_ONE_OWNER = 0.5;
const KEY = /^[\x21-\x7e]{1,128}$/;

/** Whether the text may be an `Idempotency-Key`: 1 to 128 visible ASCII characters. */
export function isIdempotencyKey(text: string): boolean {
  return KEY.test(text);
}

/** What two bodies are compared by: the SHA-256 of their bytes. */
export function bodyDigest(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("base64");
}

/**
 * Makes a repeated request do its work once: same key and same body, the same result, also while the first is still
 * under way. Work that fails frees its key, and everyone who waited for it gets its error.
 *
 * In this process's memory: a retry that reaches another node, or this one after a restart, works again.
 */
export class IdempotencyWindow<Result> {
  readonly #limits: Required<IdempotencyLimits<Result>>;
  readonly #monotonicNow: () => number;
  /** issuer → subject → what is theirs; nested, for joined texts could collide. */
  readonly #owners = new Map<string, Map<string, OwnedKeys<Result>>>();
  /** In order of completion. */
  readonly #finished = new LinkedQueue<Entry<Result>>();
  #weight = 0;

  /** @param monotonicNow milliseconds of a clock that never goes back */
  constructor(limits: IdempotencyLimits<Result>, monotonicNow: () => number = () => performance.now()) {
    this.#limits = { weigh: () => 1, ...limits };
    this.#monotonicNow = monotonicNow;
  }

  /**
   * Does the work, or gives what it gave before. Rejects with what `work` rejects with.
   *
   * @param digest the body's {@link bodyDigest}
   */
  async run(
    owner: KeyOwner,
    key: string,
    digest: string,
    work: () => Promise<Result>,
  ): Promise<IdempotentOutcome<Result>> {
    this.#forgetPast();
    const owned = this.#owners.get(owner.issuer)?.get(owner.subject);
    const known = owned?.entries.get(key);
    if (known !== undefined) {
      return known.digest === digest
        ? { kind: "done", result: await known.result, isRepeat: true }
        : { kind: "conflict" };
    }
    if (!this.#makeRoom(owned)) return { kind: "full" };
    // Only now: making room may have taken away the owner's last key, and the empty maps with it.
    const keys = this.#keysOf(owner);
    // No await up to here: two requests with one key cannot both find it free.
    return { kind: "done", result: await this.#start(keys, key, digest, work), isRepeat: false };
  }

  /** Keys held, counted as {@link IdempotencyLimits.weigh} says. */
  get weight(): number {
    return this.#weight;
  }

  #start(keys: OwnedKeys<Result>, key: string, digest: string, work: () => Promise<Result>): Promise<Result> {
    // Through a promise, so that work which throws at once fails like work which rejects.
    const result = Promise.resolve().then(work);
    const entry: Entry<Result> = { keys, key, digest, result, weight: 1, finished: undefined };
    keys.entries.set(key, entry);
    this.#addWeight(entry, 0);
    result.then((value) => this.#finish(entry, value), () => this.#forget(entry));
    return result;
  }

  #finish(entry: Entry<Result>, value: Result): void {
    entry.finished = {
      atMs: this.#monotonicNow(),
      inWindow: this.#finished.append(entry),
      inOwner: entry.keys.finished.append(entry),
    };
    const before = entry.weight;
    entry.weight = Math.max(1, this.#limits.weigh(value));
    this.#addWeight(entry, before);
    // Its own result may just have outgrown the limit.
    this.#makeRoom(entry.keys, 0);
  }

  /** Whether there is room for so many more, after what is finished had to go. */
  #makeRoom(keys: OwnedKeys<Result> | undefined, more = 1): boolean {
    const { maxKeys } = this.#limits;
    const maxOwned = Math.max(1, maxKeys * MAX_SHARE_OF_ONE_OWNER);
    if (keys !== undefined) this.#forgetWhile(keys.finished, () => keys.weight + more > maxOwned);
    this.#forgetWhile(this.#finished, () => this.#weight + more > maxKeys);
    return this.#weight + more <= maxKeys;
  }

  #forgetPast(): void {
    const lastMs = this.#monotonicNow() - this.#limits.windowMs;
    this.#forgetWhile(this.#finished, ({ finished }) => finished !== undefined && finished.atMs <= lastMs);
  }

  #forgetWhile(queue: LinkedQueue<Entry<Result>>, mustGo: (oldest: Entry<Result>) => boolean): void {
    for (let oldest = queue.first; oldest !== undefined && mustGo(oldest); oldest = queue.first) this.#forget(oldest);
  }

  #forget(entry: Entry<Result>): void {
    if (entry.finished !== undefined) {
      this.#finished.remove(entry.finished.inWindow);
      entry.keys.finished.remove(entry.finished.inOwner);
    }
    entry.keys.entries.delete(entry.key);
    this.#weight -= entry.weight;
    entry.keys.weight -= entry.weight;
    this.#release(entry.keys);
  }

  #addWeight(entry: Entry<Result>, before: number): void {
    this.#weight += entry.weight - before;
    entry.keys.weight += entry.weight - before;
  }

  #keysOf(owner: KeyOwner): OwnedKeys<Result> {
    const subjects = this.#owners.get(owner.issuer) ?? new Map<string, OwnedKeys<Result>>();
    const keys = subjects.get(owner.subject) ?? {
      owner,
      entries: new Map<string, Entry<Result>>(),
      finished: new LinkedQueue<Entry<Result>>(),
      weight: 0,
    };
    this.#owners.set(owner.issuer, subjects.set(owner.subject, keys));
    return keys;
  }

  /** Nobody's empty maps stay behind. */
  #release({ owner, entries }: OwnedKeys<Result>): void {
    if (entries.size > 0) return;
    const subjects = this.#owners.get(owner.issuer);
    subjects?.delete(owner.subject);
    if (subjects?.size === 0) this.#owners.delete(owner.issuer);
  }
}

interface OwnedKeys<Result> {
  readonly owner: KeyOwner;
  readonly entries: Map<string, Entry<Result>>;
  /** In order of completion. */
  readonly finished: LinkedQueue<Entry<Result>>;
  weight: number;
}

interface Entry<Result> {
  readonly keys: OwnedKeys<Result>;
  readonly key: string;
  readonly digest: string;
  readonly result: Promise<Result>;
  weight: number;
  /** `undefined` while the work is under way. */
  finished: {
    /** On the monotonic clock. */
    readonly atMs: number;
    readonly inWindow: Link<Entry<Result>>;
    readonly inOwner: Link<Entry<Result>>;
  } | undefined;
}
