/** One block of an event stream as a client sees it; a field that did not come is `undefined`. */
export interface Block {
  readonly id: string | undefined;
  /** `undefined` also for a block without `data:`, which a browser does not dispatch. */
  readonly event: string | undefined;
  readonly data: string | undefined;
  readonly retryMs: number | undefined;
}

/**
 * Parses an event stream after WHATWG HTML 9.2.6, written for the tests alone: it shares nothing with the code that writes
 * the bytes. A block counts when its blank line has come.
 */
export class EventStreamParser {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #id: string | undefined;
  #event: string | undefined;
  #data: string | undefined;
  #retryMs: number | undefined;

  /** Takes bytes, cut anywhere, and gives the blocks that they complete. */
  push(bytes: Uint8Array): Block[] {
    this.#rest += this.#decoder.decode(bytes, { stream: true });
    const blocks: Block[] = [];
    let start = 0;
    for (let at = 0; at < this.#rest.length; at++) {
      const character = this.#rest.charCodeAt(at);
      if (character !== LF && character !== CR) continue;
      // Whether LF follows a CR at the end is only known with the next bytes.
      if (character === CR && at + 1 === this.#rest.length) break;
      const line = this.#rest.slice(start, at);
      if (character === CR && this.#rest.charCodeAt(at + 1) === LF) at++;
      start = at + 1;
      if (line === "") this.#end(blocks);
      else this.#take(line);
    }
    this.#rest = this.#rest.slice(start);
    return blocks;
  }

  #take(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line.charAt(colon + 1) === " " ? colon + 2 : colon + 1);
    if (name === "data") this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    if (name === "event") this.#event = value;
    if (name === "id" && !value.includes("\0")) this.#id = value;
    if (name === "retry" && /^[0-9]+$/.test(value)) this.#retryMs = Number(value);
  }

  #end(blocks: Block[]): void {
    const hasAny = this.#id !== undefined || this.#data !== undefined || this.#retryMs !== undefined;
    if (hasAny) {
      const event = this.#data === undefined ? undefined : this.#event ?? "message";
      blocks.push({ id: this.#id, event, data: this.#data, retryMs: this.#retryMs });
    }
    this.#id =
      this.#event =
      this.#data =
      this.#retryMs =
        undefined;
  }
}

const LF = 10;
const CR = 13;
