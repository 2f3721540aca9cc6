import type { Block } from "../checker/event_stream_parser.ts";

interface Answer {
  readonly cursor: string;
  readonly events: readonly { readonly id: string; readonly event: string; readonly data: unknown }[];
  readonly gaps: readonly { readonly id?: string; readonly eventsBefore: number }[];
}

const OPENED: Block = { id: undefined, event: "stream.opened", data: "{}", retryMs: undefined };

/** A poll's answer as the blocks of a stream that says the same: each gap in its place, the cursor as a checkpoint. */
export function blocksOfAnswer(text: string): readonly Block[] {
  const { cursor, events, gaps }: Answer = JSON.parse(text);
  const blocks = [OPENED];
  for (let index = 0; index <= events.length; index++) {
    for (const { id, eventsBefore, ...data } of gaps) {
      if (eventsBefore !== index) continue;
      blocks.push({ id, event: "stream.gap-detected", data: JSON.stringify(data), retryMs: undefined });
    }
    const event = events[index];
    if (event !== undefined) blocks.push({ ...event, data: JSON.stringify(event.data), retryMs: undefined });
  }
  blocks.push({ id: cursor, event: undefined, data: undefined, retryMs: undefined });
  return blocks;
}
