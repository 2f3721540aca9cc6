/**
 * The payload that every server carries: JSON of a fixed length that begins with its sequence number.
 *
 *     {"s":"0000000042","p":"xxxxxxxx…"}
 */
const SEQ_DIGITS = 10;
const SEQ_AT = '{"s":"'.length;
const ZERO = 48;

export function payloadText(seq: number, bytes: number): string {
  const head = `{"s":"${String(seq).padStart(SEQ_DIGITS, "0")}","p":"`;
  return `${head}${"x".repeat(bytes - head.length - 2)}"}`;
}

/** The sequence number of the payload that begins at a place of a buffer; -1 when none begins there. */
export function seqOf(buffer: Uint8Array, payloadAt: number): number {
  if (buffer[payloadAt] !== 123 || buffer[payloadAt + 2] !== 115 || buffer[payloadAt + 4] !== 58) return -1;
  let seq = 0;
  for (let at = payloadAt + SEQ_AT; at < payloadAt + SEQ_AT + SEQ_DIGITS; at++) {
    seq = seq * 10 + (buffer[at] ?? ZERO) - ZERO;
  }
  return seq;
}
