import type { SeenBlock, StreamHistory, Truth } from "./client_history.ts";
import type { Block } from "./event_stream_parser.ts";
import { offsetOf, offsetText, readCursor } from "./read_cursor.ts";

/** Gives the changed stream, or nothing where there is nothing of the kind to change. */
type Mutation = (stream: StreamHistory, at: number, truth: Truth) => readonly SeenBlock[] | undefined;

export const isEvent = (block: Block | undefined) => block?.event !== undefined && !block.event.startsWith("stream.");
const positionOf = ({ id }: Block) => id?.split("~")[0]?.split(":") ?? [];

/** An empty gap names its start as its end too: the event there, which still comes, may as well have been lost. */
function announces(gap: Block, event: Block | undefined): boolean {
  if (gap.event !== "stream.gap-detected" || gap.data === undefined || event === undefined) return false;
  const { source, partition, to } = JSON.parse(gap.data);
  return [source, String(partition), to].join() === positionOf(event).join();
}

/** Changes to a true history, each of which makes it an untrue one. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "an event that is dropped": ({ blocks }, at) => {
    // At the end of a stream only the client knows: it comes back with the id before, or begins anew. And what was not read
    // of an old log when it was created anew is announced with it.
    const next = blocks.slice(at + 1).find(({ id }) => id !== undefined);
    const isNoticed = next !== undefined && !(next.event === "stream.gap-detected" && /"epoch"/.test(next.data ?? ""));
    if (blocks.slice(0, at).some((gap) => announces(gap, blocks[at]))) return;
    return isNoticed && isEvent(blocks[at]) ? blocks.toSpliced(at, 1) : undefined;
  },
  "an event that comes twice": ({ blocks }, at) => {
    const block = blocks[at];
    return block !== undefined && isEvent(block) ? blocks.toSpliced(at, 0, block) : undefined;
  },
  "an event that comes again later": ({ blocks }, at) => {
    const block = blocks[at];
    return block !== undefined && isEvent(block) && blocks[at + 1] !== undefined ? [...blocks, block] : undefined;
  },
  "two events of one partition that change places": ({ blocks }, at) => {
    const [one, other] = [blocks[at], blocks[at + 1]];
    if (one === undefined || other === undefined || !isEvent(one) || !isEvent(other)) return undefined;
    const isSamePartition = positionOf(one).slice(0, 2).join() === positionOf(other).slice(0, 2).join();
    return isSamePartition ? blocks.toSpliced(at, 2, other, one) : undefined;
  },
  "an event under another's id": ({ blocks }, at) => {
    const [block, other] = [blocks[at], blocks[at + 1]];
    return block !== undefined && isEvent(block) && isEvent(other)
      ? blocks.with(at, { ...block, id: other?.id })
      : undefined;
  },
  "an event without id": ({ blocks }, at) => {
    const block = blocks[at];
    return block !== undefined && isEvent(block) ? blocks.with(at, { ...block, id: undefined }) : undefined;
  },
  "an event under another name": ({ blocks }, at) => {
    const block = blocks[at];
    return block !== undefined && isEvent(block) ? blocks.with(at, { ...block, event: "task.invented" }) : undefined;
  },
  "an event whose scopes are not told": ({ blocks }, at) => {
    const block = blocks[at];
    if (block?.data === undefined || !isEvent(block)) return;
    const { scopes, ...envelope } = JSON.parse(block.data);
    return scopes === undefined ? undefined : blocks.with(at, { ...block, data: JSON.stringify(envelope) });
  },
  "an event that tells of another's scope": ({ blocks }, at) => {
    const block = blocks[at];
    if (block?.data === undefined || !isEvent(block)) return;
    const { scope, scopes = [scope], ...envelope } = JSON.parse(block.data);
    const data = JSON.stringify({ ...envelope, scope, scopes: [...scopes, "user:of-another"] });
    return blocks.with(at, { ...block, data });
  },
  "a gap that was no gap": ({ blocks }, at, { sources }) => {
    const block = blocks[at];
    if (block === undefined || !isEvent(block)) return undefined;
    const [source, partition, offset] = positionOf(block);
    const epochs = sources.find((each) => each.source === source)?.epochs ?? [];
    // What was trimmed later may as well have been trimmed before.
    if (epochs.some(({ partitions }) => partitions.some(({ first, records }) => first > (records[0]?.offset ?? 0n)))) {
      return;
    }
    const data = { source, partition: Number(partition), from: offset, to: offset, reason: "retention", lost: null };
    return blocks.with(at, { ...block, event: "stream.gap-detected", data: JSON.stringify(data) });
  },
  "a gap that is told before anything was lost": ({ blocks }, at, { sources }) => {
    const block = blocks[at];
    if (block === undefined || !isEvent(block)) return undefined;
    const [source, partition, offset = ""] = positionOf(block);
    const epochs = sources.find((each) => each.source === source)?.epochs ?? [];
    const { epoch = -1 } = readCursor(block.id ?? "", sources)?.positions.get(source ?? "") ?? {};
    const { first = 0n, begunAt = [] } = epochs[epoch]?.partitions[Number(partition)] ?? {};
    const firstThen = begunAt.find(({ until }) => until > (block.seenAt ?? 0))?.first ?? first;
    if (offsetOf(offset) >= first || offsetOf(offset) < firstThen) return undefined;
    const data = { source, partition: Number(partition), from: offset, to: offset, reason: "retention", lost: null };
    return blocks.with(at, { ...block, event: "stream.gap-detected", data: JSON.stringify(data) });
  },
  "a gap that begins too early": ({ blocks, cursor = "" }, at, { sources }) => {
    const block = blocks[at];
    if (block?.data === undefined || block.event !== "stream.gap-detected") return undefined;
    const gap = JSON.parse(block.data);
    if (gap.reason === "ahead" || gap.reason === "epoch") return undefined;
    const idBefore = blocks.slice(0, at).findLast(({ id }) => id !== undefined)?.id ?? cursor;
    const idBehind = blocks.slice(at).find(({ id }) => id !== undefined)?.id ?? "";
    const [before, behind] = [idBefore, idBehind].map((id) => readCursor(id, sources)?.positions.get(gap.source));
    const reached = before?.next[gap.partition] ?? 0n;
    if (reached === 0n || before?.epoch !== behind?.epoch) return undefined;
    const data = { ...gap, from: offsetText(reached - 1n), lost: null };
    return blocks.with(at, { ...block, data: JSON.stringify(data) });
  },
  "a stream that does not open": ({ blocks }, at) => {
    // A stream that is closed at once is a refusal without its opening.
    return at === 0 && blocks.length > 1 && blocks[1]?.event !== "stream.closing" ? blocks.slice(1) : undefined;
  },
  "an id from nowhere": ({ blocks }, at) => {
    const block = blocks[at];
    return block !== undefined && isEvent(block) ? blocks.with(at, { ...block, id: "log0:0:17" }) : undefined;
  },
};
