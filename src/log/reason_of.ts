/**
 * Why something failed, in one line with its cause: what a log's message says. The error itself may go beside it. A cause
 * that the message quotes already is not said twice.
 */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && !message.includes(cause.message) ? `${message} (${cause.message})` : message;
}
