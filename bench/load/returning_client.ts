/** Before a server tells one; what browsers wait is about the same. */
const DEFAULT_RETRY_MS = 3_000;
const LF = 10;
/** Behind `id: `. */
const ID_AT = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What one client remembers, as a browser does: its last id, the delay that it was told, and what it has seen. */
export class ReturningClient {
  readonly #request: string;
  readonly #refusals: string[] = [];
  #lastID: Uint8Array;
  #idLength: number;
  #retryMs = DEFAULT_RETRY_MS;
  #comesBackAtMs = 0;
  #isOpened = false;
  #lastSeq = -1;
  #count = 0;
  #isOutOfOrder = false;
  #wasTold = false;
  #isAtHead = false;

  constructor(request: string, cursor: string) {
    this.#request = request;
    this.#lastID = encoder.encode(cursor);
    this.#idLength = this.#lastID.length;
  }

  /** Asks for what comes after the last id. */
  get request(): string {
    const cursor = decoder.decode(this.#lastID.subarray(0, this.#idLength));
    return this.#request.replace("\r\n\r\n", `\r\nLast-Event-ID: ${cursor}\r\n\r\n`);
  }

  /** Events that it got. */
  get count(): number {
    return this.#count;
  }

  get isOutOfOrder(): boolean {
    return this.#isOutOfOrder;
  }

  /** Whether it was told of a gap. */
  get wasTold(): boolean {
    return this.#wasTold;
  }

  get isAtHead(): boolean {
    return this.#isAtHead;
  }

  /** Why it was refused, each time. */
  get refusals(): readonly string[] {
    return this.#refusals;
  }

  get comesBackAtMs(): number {
    return this.#comesBackAtMs;
  }

  takeEvent(seq: number, block: Uint8Array): void {
    if (seq <= this.#lastSeq) this.#isOutOfOrder = true;
    this.#lastSeq = seq;
    this.#count++;
    // Its first line is its id. No text is made of it: this is done for millions of events.
    this.#keepID(block.subarray(ID_AT, block.indexOf(LF)));
  }

  /** Takes a block that is no published event; returns whether it has brought the client to the head. */
  takeControl(block: Uint8Array): boolean {
    const text = decoder.decode(block);
    const id = /^id: (.*)$/m.exec(text)?.[1];
    if (id !== undefined) this.#keepID(encoder.encode(id));
    const retryMs = /^retry: (\d+)$/m.exec(text)?.[1];
    if (retryMs !== undefined) this.#retryMs = Number(retryMs);
    switch (/^event: (.*)$/m.exec(text)?.[1]) {
      case "stream.opened":
        this.#isOpened = true;
        return false;
      case "stream.closing":
        if (!this.#isOpened) this.#refusals.push(/"reason":"([^"]*)"/.exec(text)?.[1] ?? "unknown");
        return false;
      case "stream.gap-detected":
        this.#wasTold = true;
        return false;
      case "stream.caught-up": {
        const isFirst = !this.#isAtHead;
        this.#isAtHead = true;
        return isFirst;
      }
      default:
        return false;
    }
  }

  /** Its stream is gone: it comes back after the delay that it was told. */
  turnedAway(nowMs: number): void {
    this.#isOpened = false;
    this.#comesBackAtMs = nowMs + this.#retryMs;
  }

  #keepID(id: Uint8Array): void {
    if (this.#lastID.length < id.length) this.#lastID = new Uint8Array(2 * id.length);
    this.#lastID.set(id);
    this.#idLength = id.length;
  }
}
