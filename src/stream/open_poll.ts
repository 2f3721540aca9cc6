import type { CloseReason } from "../model/close_reason.ts";
import { invalidCursor } from "../wire/control_events.ts";
import type { Reader } from "./reader.ts";
import { replayRefusal, type StreamContext } from "./open_stream.ts";
import type { Poll, PollWish } from "./poll.ts";
import { type PastStart, replayFrom, streamStart } from "./stream_start.ts";
import type { Subscription } from "./subscription.ts";

/** What became of a poll. */
export type PollOutcome =
  /** The bytes of the answer, now or when its wait is over. Reading them, or cancelling, ends the poll. */
  | { readonly kind: "answer"; readonly body: ReadableStream<Uint8Array<ArrayBuffer>> }
  /** Not now: come back in `retryMs` milliseconds. */
  | { readonly kind: "refused"; readonly reason: CloseReason; readonly retryMs: number }
  /** The token ended, or its reader was shut out, while the answer was made. */
  | { readonly kind: "not-entitled" }
  /** What was missed cannot be read at present. */
  | { readonly kind: "unreadable" };

/**
 * How a poll goes: admission, what was missed, or else a wait for what comes. A stream of one answer: it begins where a
 * stream would, and what it is answered with is what that stream would have sent.
 *
 * @param cursor as {@link openStream}'s. Without one the answer is the cursor of now, at once: a client that waited without a
 * cursor could lose what comes between two polls
 */
export async function openPoll(
  context: StreamContext,
  reader: Reader,
  subscription: Subscription,
  cursor: string | undefined,
  wish: PollWish,
): Promise<PollOutcome> {
  const refusal = context.manager.refusalFor(reader) ?? replayRefusal(context, cursor);
  if (refusal !== undefined) return { kind: "refused", reason: refusal, retryMs: context.manager.refuse(refusal) };
  const poll = context.manager.poll(reader, subscription, wish);
  const start = streamStart(context, cursor);
  if (start.kind === "unusable") poll.tell(invalidCursor(context.replay.journal.cursor()));
  if (start.kind === "live" || start.kind === "unusable") poll.answerAtHead();
  else {
    const outcome = await catchUp(context, poll, start, wish.waitMs);
    if (outcome !== "done") {
      poll.abandon();
      return outcome;
    }
  }
  return { kind: "answer", body: poll.body };
}

async function catchUp(
  context: StreamContext,
  poll: Poll,
  start: PastStart,
  waitMs: number,
): Promise<"done" | Exclude<PollOutcome, { kind: "answer" }>> {
  try {
    await replayFrom(context.replay, poll, start, (_, origin) => {
      // What the journal answers is the usual poll, and no replay that anybody would count.
      if (origin !== "journal") context.onReplayed(origin);
      if (!poll.isEntitled) return;
      if (!poll.isEmpty || waitMs === 0) return poll.answerAtHead();
      context.manager.join(poll);
      poll.wait();
    }, poll.stopSignal);
    return poll.isEntitled || poll.hasEnded ? "done" : { kind: "not-entitled" };
  } catch (error) {
    if (!poll.isEntitled) return { kind: "not-entitled" };
    if (!poll.isFull && poll.stopReason === undefined) context.onFailure(poll.id, error);
    if (poll.answerSoFar()) return "done";
    if (poll.stopReason === "draining") {
      return { kind: "refused", reason: "draining", retryMs: context.manager.refuse("draining") };
    }
    return { kind: "unreadable" };
  }
}
