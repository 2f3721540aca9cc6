import type { HoldingPoint, TcpProxy } from "../support/tcp_proxy.ts";
import { type FaultRun, onlyNode, until } from "./fault_run.ts";
import type { FaultSource } from "./fault_source.ts";

/** One character a byte. */
const LATIN1 = new TextDecoder("latin1");

/** Kafka's request header: four bytes of size, two of the API's key, two of its version, four of correlation id. */
const KAFKA_HEADER_BYTES = 12;
const PRODUCE = 0;

/** A request that holds the text: half of it passes. */
export function halfOfRequest(text: string): HoldingPoint {
  return ({ isAnswer, bytes }) => !isAnswer && holds(bytes, text) ? bytes.length >> 1 : undefined;
}

/** A request that holds the text: nothing of it passes. */
export function request(text: string): HoldingPoint {
  return ({ isAnswer, bytes }) => !isAnswer && holds(bytes, text) ? 0 : undefined;
}

/** The first answer on a connection after a request that holds the text: the server has done what was asked. */
export function answerTo(text: string): HoldingPoint {
  const asked = new Set<object>();
  return ({ connection, isAnswer, bytes }) => {
    if (isAnswer) return asked.has(connection) ? 0 : undefined;
    if (holds(bytes, text)) asked.add(connection);
    return undefined;
  };
}

/** The answer to a produce request, known by its correlation id: other requests may be under way on the same connection. */
export function answerToProduce(): HoldingPoint {
  const asked = new Map<object, number>();
  return ({ connection, isAnswer, bytes }) => {
    if (bytes.length < KAFKA_HEADER_BYTES) return undefined;
    const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (isAnswer) return asked.get(connection) === head.getInt32(4) ? 0 : undefined;
    if (head.getInt16(4) === PRODUCE) asked.set(connection, head.getInt32(8));
    return undefined;
  };
}

/** An answer that holds a record of these numbers of {@link Load}: half of it passes. */
export function halfOfAnswer(from: number, to: number): HoldingPoint {
  const isMeant = ([, number]: RegExpExecArray) => Number(number) >= from && Number(number) < to;
  return ({ isAnswer, bytes }) =>
    isAnswer && LATIN1.decode(bytes).matchAll(/"key":"e\/(\d+)"/g).some(isMeant) ? bytes.length >> 1 : undefined;
}

/** Kills the gateway (SIGKILL) where the proxy holds one of its connections. */
export async function killAt(
  run: FaultRun<FaultSource>,
  proxy: TcpProxy,
  point: HoldingPoint,
  { leadThere = () => {}, isThere = () => true }: {
    /** What makes the gateway come to the point. */
    readonly leadThere?: () => unknown;
    /** What else must be so before it is killed. */
    readonly isThere?: () => boolean;
  } = {},
): Promise<void> {
  let isHeld = false;
  void proxy.holdAt(point).then(() => isHeld = true);
  await leadThere();
  await until("the gateway is held where it shall be killed", () => isHeld);
  await until("it is where it shall be killed in all else", isThere);
  await onlyNode(run).kill();
  // The server hears of it only now: its side of what was held is still open.
  proxy.cut();
}

function holds(bytes: Uint8Array, text: string): boolean {
  return LATIN1.decode(bytes).includes(text);
}
