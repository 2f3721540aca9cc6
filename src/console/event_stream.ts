/// <reference lib="dom" />

/** One event of a stream. */
export interface StreamEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** Longest block that is waited for, in characters; the gateway's frames are far smaller. */
const MAX_BLOCK_LENGTH = 4_000_000;

/**
 * Reads the gateway's own event streams through `fetch`, which can send the token in a header; an EventSource cannot.
 * Lines end in LF there, and no others are read.
 */
export async function readEventStream(response: Response, onEvent: (event: StreamEvent) => void): Promise<void> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += value;
    const blocks = waiting.split("\n\n");
    waiting = blocks.pop() ?? "";
    if (waiting.length > MAX_BLOCK_LENGTH) throw new Error("The stream's block is too long");
    for (const block of blocks) {
      const event = eventOf(block);
      if (event !== undefined) onEvent(event);
    }
  }
}

function eventOf(block: string): StreamEvent | undefined {
  let [id, event, data]: (string | undefined)[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) id = line.slice(4);
    else if (line.startsWith("event: ")) event = line.slice(7);
    else if (line.startsWith("data: ")) data = data === undefined ? line.slice(6) : `${data}\n${line.slice(6)}`;
  }
  return event === undefined || data === undefined ? undefined : { id, event, data };
}
