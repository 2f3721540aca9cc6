import { dirname } from "node:path";
import type { DeadLetterEntry, DeadLetterPlace } from "./dead_letter_place.ts";

const NEWLINE = 0x0a;
const BLOCK_BYTES = 65_536;
/** Beyond the limit for letters, so that what was done about them can be noted in a file that is full of them. */
const NOTES_SHARE = 0.1;

/**
 * Dead letters in a file, one JSON line each, only ever appended to. A line counts when its end has come: what a crash
 * or a full disk left of one is taken away before the next is written, and nobody reads it meanwhile. The file is
 * opened and locked for each append, so several processes may share it, and one that was moved away begins anew.
 */
export class DeadLetterFile implements DeadLetterPlace {
  readonly kind = "file";
  readonly name: string;
  readonly #path: string;
  readonly #maxBytes: number;

  constructor(path: string, maxBytes: number) {
    this.name = `the file ${JSON.stringify(path)}`;
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  async append(entries: readonly DeadLetterEntry[], isNote: boolean): Promise<number> {
    await Deno.mkdir(dirname(this.#path), { recursive: true });
    // Originals are in it, which not everybody on the machine may read.
    using file = await Deno.open(this.#path, { create: true, read: true, write: true, mode: 0o600 });
    await file.lock(true);
    try {
      const end = await endOfLines(file);
      const maxBytes = isNote ? this.#maxBytes * (1 + NOTES_SHARE) : this.#maxBytes;
      const { bytes, count } = linesThatFit(entries, maxBytes - end);
      await file.truncate(end);
      await appendAt(file, end, bytes);
      return count;
    } finally {
      await file.unlock();
    }
  }

  async *read(): AsyncIterable<string> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    let rest = "";
    for await (const text of file.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  }
}

function linesThatFit(entries: readonly DeadLetterEntry[], roomBytes: number): { bytes: Uint8Array; count: number } {
  let length = 0;
  let count = 0;
  for (const { json } of entries) {
    if (length + json.byteLength + 1 > roomBytes) break;
    length += json.byteLength + 1;
    count++;
  }
  const bytes = new Uint8Array(length).fill(NEWLINE);
  let at = 0;
  for (const { json } of entries.slice(0, count)) {
    bytes.set(json, at);
    at += json.byteLength + 1;
  }
  return { bytes, count };
}

/** Writes all of it, to the disk, or nothing that a reader would see. */
async function appendAt(file: Deno.FsFile, end: number, bytes: Uint8Array): Promise<void> {
  await file.seek(end, Deno.SeekMode.Start);
  try {
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
    await file.syncData();
  } catch (error) {
    await file.truncate(end);
    throw error;
  }
}

/** Where the last whole line ends. */
async function endOfLines(file: Deno.FsFile): Promise<number> {
  const { size } = await file.stat();
  const block = new Uint8Array(BLOCK_BYTES);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES);
    await file.seek(start, Deno.SeekMode.Start);
    const read = await file.read(block.subarray(0, end - start));
    if (read === null) throw new Error("Cannot read the end of the dead letters: the file has become shorter");
    const newline = block.subarray(0, read).lastIndexOf(NEWLINE);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}
