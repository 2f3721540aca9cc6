/**
 * Takes the bytes of many event streams apart, very cheaply: it must swallow more than a million frames a second beside
 * everything else that its core does.
 *
 * It undoes the chunked transfer coding, finds where each block ends (an empty line), and hands the place over without
 * copying it. Two facts make that cheap: consecutive frames of a benchmark mostly have the same length, so the next end
 * is guessed before it is searched; and a block rarely straddles two reads, so only then bytes are kept and moved.
 */
export type OnBlock = (stream: number, buffer: Uint8Array, start: number, end: number) => void;

/** Bytes that may be left over from earlier reads: an incomplete block, and a chunk's head. */
const MAX_CARRIED_BYTES = 64 * 1024;
const READ_BYTES = 1024 * 1024;
const LF = 10;
const CR = 13;

interface StreamState {
  phase: "head" | "chunked" | "identity" | "ended";
  status: number;
  /** Bytes of the current chunk that are still to come, its last CR LF not counted; -1: a chunk's head comes next. */
  chunkRemaining: number;
  /** An incomplete block, its transfer coding undone. */
  block: Uint8Array;
  /** Bytes that could not be told apart yet: of the response's head, or a chunk's. */
  raw: Uint8Array;
  blockLength: number;
}

export class StreamReader {
  /** What a read is to be received into. */
  readonly room: Uint8Array<ArrayBuffer>;
  readonly #buffer = new Uint8Array(2 * MAX_CARRIED_BYTES + READ_BYTES);
  readonly #streams: StreamState[] = [];
  readonly #onBlock: OnBlock;
  readonly #maxGuess: number;

  /**
   * @param minFrameBytes No event is shorter. Then no two of them hide in a guess of less than twice as much; a comment
   * may, and is taken for the beginning of the event behind it. 0: nothing is guessed.
   */
  constructor(onBlock: OnBlock, minFrameBytes = 0) {
    this.#onBlock = onBlock;
    this.#maxGuess = 2 * minFrameBytes;
    this.room = this.#buffer.subarray(2 * MAX_CARRIED_BYTES);
  }

  /** Starts a stream anew, at the head of its response. */
  reset(stream: number): void {
    this.#streams[stream] = {
      phase: "head",
      status: 0,
      chunkRemaining: -1,
      block: NOTHING,
      raw: NOTHING,
      blockLength: 0,
    };
  }

  /** The status of the response; 0 while its head has not come. */
  status(stream: number): number {
    return this.#streams[stream]?.status ?? 0;
  }

  /** Whether the response is complete, although its connection may be kept. */
  isOver(stream: number): boolean {
    return this.#streams[stream]?.phase === "ended";
  }

  /** Takes `count` bytes that were received into {@link room}. */
  take(stream: number, count: number): void {
    const state = this.#streams[stream];
    if (state === undefined) throw new Error(`Cannot read stream ${stream}: it was never reset`);
    const buffer = this.#buffer;
    let at = 2 * MAX_CARRIED_BYTES;
    const end = at + count;
    if (state.raw.length > 0) {
      at -= state.raw.length;
      buffer.set(state.raw, at);
      state.raw = NOTHING;
    }
    if (state.phase === "head") at = this.#takeHead(state, at, end);
    if (state.phase === "identity") this.#takeBody(stream, state, at, end);
    else if (state.phase === "chunked") this.#takeChunks(stream, state, at, end);
  }

  #takeHead(state: StreamState, start: number, end: number): number {
    const text = latin1(this.#buffer.subarray(start, end));
    const headEnd = text.indexOf("\r\n\r\n");
    if (headEnd < 0) {
      state.raw = this.#keep(start, end);
      return end;
    }
    const head = text.slice(0, headEnd).toLowerCase();
    state.status = Number(head.slice("http/1.1 ".length, "http/1.1 200".length));
    state.phase = /\r\ntransfer-encoding: *chunked/.test(head) ? "chunked" : "identity";
    return start + headEnd + 4;
  }

  #takeChunks(stream: number, state: StreamState, start: number, end: number): void {
    const buffer = this.#buffer;
    let at = start;
    while (at < end) {
      if (state.chunkRemaining <= 0) {
        // The CR LF behind the last chunk's data, then the next one's length.
        const sizeAt = state.chunkRemaining === 0 ? at + 2 : at;
        let size = 0;
        let digitAt = sizeAt;
        while (digitAt < end && buffer[digitAt] !== CR) size = size * 16 + hexDigit(buffer[digitAt++] ?? 0);
        if (digitAt + 2 > end) {
          state.raw = this.#keep(at, end);
          return;
        }
        if (size === 0) {
          state.phase = "ended";
          return;
        }
        state.chunkRemaining = size;
        at = digitAt + 2;
      }
      const length = Math.min(state.chunkRemaining, end - at);
      this.#takeBody(stream, state, at, at + length);
      state.chunkRemaining -= length;
      at += length;
    }
  }

  /** Takes body bytes; an incomplete block from before is put right in front of them. */
  #takeBody(stream: number, state: StreamState, start: number, end: number): void {
    const buffer = this.#buffer;
    let blockStart = start;
    let searchAt = start;
    if (state.block.length > 0) {
      blockStart = start - state.block.length;
      buffer.set(state.block, blockStart);
      // An empty line may straddle the two.
      searchAt = Math.max(blockStart, start - 1);
      state.block = NOTHING;
    }
    while (blockStart < end) {
      let blockEnd = blockStart + state.blockLength;
      if (state.blockLength === 0 || blockEnd > end || buffer[blockEnd - 1] !== LF || buffer[blockEnd - 2] !== LF) {
        blockEnd = this.#endOfBlock(Math.max(searchAt, blockStart), end);
        if (blockEnd < 0) {
          state.block = this.#keep(blockStart, end);
          return;
        }
        state.blockLength = blockEnd - blockStart < this.#maxGuess ? blockEnd - blockStart : 0;
      }
      this.#onBlock(stream, buffer, blockStart, blockEnd);
      blockStart = blockEnd;
    }
  }

  #endOfBlock(start: number, end: number): number {
    const buffer = this.#buffer;
    for (let at = start;; at++) {
      at = buffer.indexOf(LF, at);
      if (at < 0 || at + 1 >= end) return -1;
      if (buffer[at + 1] === LF) return at + 2;
    }
  }

  #keep(start: number, end: number): Uint8Array {
    if (end - start > MAX_CARRIED_BYTES) {
      throw new Error(`Cannot read a stream: a block of ${end - start} bytes is longer than ${MAX_CARRIED_BYTES}`);
    }
    return this.#buffer.slice(start, end);
  }
}

const NOTHING = new Uint8Array();

function hexDigit(code: number): number {
  return code <= 57 ? code - 48 : (code | 32) - 87;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
