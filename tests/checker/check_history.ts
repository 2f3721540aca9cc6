import { CheckedStream } from "./checked_stream.ts";
import type { ClientHistory, Truth } from "./client_history.ts";
import { readCursor } from "./read_cursor.ts";
import { ReaderLedger } from "./reader_ledger.ts";

/*
 * The judge of delivery: what a client saw, block by block over all its streams, against what was in the logs.
 *
 * It walks along the cursors that the client saw. Each `id` claims that everything at or before its positions was delivered,
 * filtered for this client or announced as lost; whatever lies between one `id` and the next is held against that claim at
 * once. A cursor never goes back, and an event is always beyond the cursor before it, which together is order and no
 * duplicates, over replay and live, reconnects and nodes. Every gap must be true as well: a gap where nothing was lost is a
 * violation. The judge knows nothing of how the gateway works and reads cursors with code of its own.
 */

/**
 * All that is wrong with one client's history, in words; nothing for a true one.
 *
 * @param isSettled whether the run ended with everything read: then the last cursor must be at every log's end
 */
export function checkHistory(truth: Truth, history: ClientHistory, isSettled: boolean): readonly string[] {
  const violations: string[] = [];
  const ledger = new ReaderLedger(truth, history);
  const seenIds = new Set<string>();
  for (const [number, stream] of history.streams.entries()) {
    const report = (text: string, block?: number) =>
      violations.push(`${history.name}, stream ${number}${block === undefined ? "" : `, block ${block}`}: ${text}`);
    const { cursor, blocks } = stream;
    if (number > 0 && cursor !== undefined && readCursor(cursor, truth.sources) !== undefined && !seenIds.has(cursor)) {
      report(`the client came back with ${cursor}, which it was never told`);
    }
    const checked = new CheckedStream(truth, ledger, stream, report);
    for (const block of blocks) {
      checked.take(block);
      if (block.id !== undefined) seenIds.add(block.id);
    }
  }
  for (const text of ledger.unexcusedConflations()) violations.push(`${history.name}: ${text}`);
  if (isSettled) {
    for (const text of [...ledger.untoldLosses(), ...ledger.unreachedEnds()]) {
      violations.push(`${history.name}: ${text}`);
    }
  }
  return violations;
}
