/**
 * What a loss audit knows: what the gateway accepted, and what each client was given. Pure; it asks no clock.
 *
 * An event is its number. It is *lost* for a client that has no copy of it; *announced* when a gap that the client was told of
 * covers it; *duplicated* when one position came twice, or a number that was published once came at two positions;
 * *reordered* when a higher number of its partition came first; *late* by when it came after both it and the stream were there.
 * A number whose publish had no clear answer may be in the log twice: its second copy is *repeated*, and nobody's fault.
 */
export class DeliveryLedger {
  readonly #clients: ReadonlyMap<string, ClientAccount>;
  readonly #published = new Map<number, Published>();
  readonly #lateAfterMs: number;
  #acceptedCount = 0;

  constructor(clients: readonly string[], lateAfterMs: number) {
    this.#clients = new Map(clients.map((name) => [name, new ClientAccount()]));
    this.#lateAfterMs = lateAfterMs;
  }

  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /** The event is about to be published, for the first time or again. */
  sent(number: number, atMs: number): void {
    const before = this.#published.get(number);
    if (before === undefined) this.#published.set(number, { firstSentMs: atMs, lastSentMs: atMs, attempts: 1 });
    else this.#published.set(number, { ...before, lastSentMs: atMs, attempts: before.attempts + 1 });
  }

  /** The gateway, or the source, took it: it owes it to every client. */
  accepted(number: number, identity: string): void {
    const published = this.#published.get(number);
    if (published === undefined) throw new Error(`Cannot accept event ${number}: it was never sent`);
    if (published.identity === undefined) this.#acceptedCount++;
    this.#published.set(number, { ...published, identity });
  }

  /** A client was given it, in a stream that was opened at `openedMs`. */
  received(client: string, number: number, identity: string, atMs: number, openedMs: number): void {
    const account = this.#account(client);
    const published = this.#published.get(number);
    if (published === undefined) return void account.unknown.push(number);
    const copies = account.copies.get(number);
    if (copies !== undefined) {
      const isSecondCopy = published.attempts > 1 && !copies.includes(identity);
      (isSecondCopy ? account.repeated : account.duplicated).push(number);
      copies.push(identity);
      return;
    }
    account.copies.set(number, [identity]);
    const partition = partitionOf(identity);
    const highest = account.highest.get(partition) ?? -1;
    if (number < highest) account.reordered.push(number);
    else account.highest.set(partition, number);
    const delayMs = Math.max(0, atMs - Math.max(published.lastSentMs, openedMs));
    account.delaysMs.push(delayMs);
    if (delayMs > this.#lateAfterMs) account.late.push(number);
  }

  /** A client was told that something is missing. */
  gapTold(client: string, gap: ToldGap): void {
    this.#account(client).gaps.push(gap);
  }

  /** Whether this client was given the event. */
  has(client: string, number: number): boolean {
    return this.#account(client).copies.has(number);
  }

  /** Whether every client was given, or told of, everything that was accepted. */
  get isComplete(): boolean {
    return this.#clients.values().every((account) => this.#missing(account).lost.length === 0);
  }

  /** Everything, client by client. */
  findings(): readonly ClientFindings[] {
    return Array.from(this.#clients, ([name, account]) => {
      const { duplicated, reordered, late, repeated, unknown, copies, gaps } = account;
      const delays = account.delaysMs.toSorted((one, other) => one - other);
      return {
        name,
        received: copies.size,
        ...this.#missing(account),
        duplicated,
        reordered,
        late,
        repeated,
        unknown,
        gaps: gaps.length,
        delayMs: { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99), max: quantile(delays, 1) },
      };
    });
  }

  #missing(account: ClientAccount): { readonly lost: readonly number[]; readonly announced: readonly number[] } {
    const lost: number[] = [];
    const announced: number[] = [];
    // The usual case at every look while the last events are awaited.
    if (account.copies.size === this.#published.size) return { lost, announced };
    for (const [number, { identity, firstSentMs }] of this.#published) {
      if (identity === undefined || account.copies.has(number)) continue;
      const isTold = account.gaps.some((gap) => covers(gap, identity, firstSentMs));
      (isTold ? announced : lost).push(number);
    }
    return { lost, announced };
  }

  #account(client: string): ClientAccount {
    const account = this.#clients.get(client);
    if (account === undefined) {
      throw new Error(`Cannot find the client ${JSON.stringify(client)}: it is not in the ledger`);
    }
    return account;
  }
}

/** A `stream.gap-detected`, or a `stream.events-dropped` with its range. */
export interface ToldGap {
  /** `null`, as all of the position, when the gateway could not read the cursor at all. */
  readonly source: string | null;
  readonly partition: number | null;
  /** First and last offset that may be missing. */
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string;
  readonly toldMs: number;
}

/** What one client was given, and what not. Lists hold the events' numbers. */
export interface ClientFindings {
  readonly name: string;
  /** Events, each counted once. */
  readonly received: number;
  /** Accepted, not received, not announced: what must never be. */
  readonly lost: readonly number[];
  /** Accepted, not received, and covered by a gap. */
  readonly announced: readonly number[];
  readonly duplicated: readonly number[];
  readonly reordered: readonly number[];
  readonly late: readonly number[];
  /** Second copies of what was published twice because the first answer was lost. */
  readonly repeated: readonly number[];
  /** Of this run, but never sent by it. */
  readonly unknown: readonly number[];
  readonly gaps: number;
  /** From when both the event and the stream were there; `null` when nothing came. */
  readonly delayMs: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null };
}

interface Published {
  readonly firstSentMs: number;
  readonly lastSentMs: number;
  readonly attempts: number;
  /** Its position in the log, `source:partition:offset`, once it was accepted. */
  readonly identity?: string;
}

/** What one client has had so far. */
class ClientAccount {
  /** Number → the positions that it came at. */
  readonly copies = new Map<number, string[]>();
  /** Partition → the highest number that came of it. */
  readonly highest = new Map<string, number>();
  readonly gaps: ToldGap[] = [];
  readonly delaysMs: number[] = [];
  readonly duplicated: number[] = [];
  readonly reordered: number[] = [];
  readonly late: number[] = [];
  readonly repeated: number[] = [];
  readonly unknown: number[] = [];
}

/** After these nothing older of the partition can be had, whatever its offset: positions have no meaning in the new log. */
const COVERS_ALL_BEFORE: ReadonlySet<string> = new Set(["epoch", "source-reset", "ahead", "invalid-cursor"]);

function covers({ source, partition, from, to, reason, toldMs }: ToldGap, identity: string, sentMs: number): boolean {
  const isBefore = sentMs <= toldMs;
  if (source === null || partition === null) return isBefore;
  if (`${source}:${partition}` !== partitionOf(identity)) return false;
  if (COVERS_ALL_BEFORE.has(reason) || from === null || to === null) return isBefore;
  const offset = identity.slice(identity.lastIndexOf(":") + 1);
  return compareOffsets(from, offset) <= 0 && compareOffsets(offset, to) <= 0;
}

function partitionOf(identity: string): string {
  return identity.slice(0, identity.lastIndexOf(":"));
}

/** Offsets as identities have them: `1042`, or `1526919030474-55`. */
function compareOffsets(one: string, other: string): number {
  const [major = 0n, minor = 0n] = one.split("-").map(BigInt);
  const [otherMajor = 0n, otherMinor = 0n] = other.split("-").map(BigInt);
  const difference = major === otherMajor ? minor - otherMinor : major - otherMajor;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The smallest that at least this share of the sorted values does not exceed. */
function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
