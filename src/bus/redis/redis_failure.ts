/**
 * Why Redis did not do what it was asked.
 *
 * - `unsent`: it was never asked; no connection.
 * - `lost`: it was asked and no answer came: it may have been done.
 * - `refused`: it answered with an error; `code` is its first word, such as `READONLY`.
 *
 * Made from the client's errors, which carry the arguments of the command, passwords included: only the text is kept.
 */
export class RedisFailure extends Error {
  override readonly name = "RedisFailure";
  readonly kind: "unsent" | "lost" | "refused";
  readonly code: string;

  constructor(kind: "unsent" | "lost" | "refused", message: string) {
    super(message);
    this.kind = kind;
    this.code = kind === "refused" ? message.slice(0, message.search(/[ :]|$/)) : "";
  }
}

/** What the client throws, as a failure. */
export function redisFailureOf(error: unknown): RedisFailure {
  if (error instanceof RedisFailure) return error;
  if (!(error instanceof Error)) return new RedisFailure("lost", String(error));
  if (error.name === "ReplyError") return new RedisFailure("refused", error.message);
  const isUnsent = error.message.startsWith("Stream isn't writeable");
  return new RedisFailure(isUnsent ? "unsent" : "lost", error.message);
}

/** Errors that no waiting cures: someone has to change a password, a right or a key. */
const LASTING_CODES = new Set(["NOAUTH", "WRONGPASS", "NOPERM", "WRONGTYPE", "DENIED"]);
/** The server is up but in a role or phase in which it cannot do this; another one, or the same one later, can. */
const ROLE_CODES = new Set(["READONLY", "LOADING", "MASTERDOWN", "UNBLOCKED", "NOREPLICAS"]);

export function isLasting(failure: RedisFailure): boolean {
  return LASTING_CODES.has(failure.code);
}

export function isOfRole(failure: RedisFailure): boolean {
  return ROLE_CODES.has(failure.code);
}
