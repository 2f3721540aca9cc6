/** What a broker answered instead of doing it. Codes: https://kafka.apache.org/protocol#protocol_error_codes */
export class KafkaError extends Error {
  override readonly name = "KafkaError";
  readonly code: number;

  constructor(code: number) {
    super(KAFKA_ERRORS[code] ?? `error ${code}`);
    this.code = code;
  }
}

export const OFFSET_OUT_OF_RANGE = 1;
export const UNKNOWN_TOPIC = 3;

/** The ones that a reader or publisher meets, in words. */
const KAFKA_ERRORS: Readonly<Record<number, string>> = {
  [-1]: "the broker reports an error of its own",
  [OFFSET_OUT_OF_RANGE]: "the offset is out of range",
  2: "a record is corrupt",
  [UNKNOWN_TOPIC]: "the topic or partition does not exist",
  5: "the partition has no leader at present",
  6: "the broker no longer leads the partition",
  7: "the broker gave the request up after its own timeout",
  9: "the replica is not available",
  10: "a record is larger than the topic allows",
  17: "the topic's name is not valid",
  18: "a batch is larger than the topic allows",
  19: "too few replicas are in sync",
  20: "too few replicas were in sync; the records may have been written",
  29: "access to the topic is denied",
  31: "access to the cluster is denied",
  35: "the broker does not speak this version of the protocol",
  45: "the sequence of an idempotent producer is broken",
  47: "the producer was fenced off by a newer one",
  53: "access to the transactional ID is denied",
  56: "the broker cannot read its disk",
  59: "the broker no longer knows the producer",
  74: "the leader's epoch is older than ours",
  76: "the leader's epoch is newer than ours",
  87: "a record is not valid for this topic",
  100: "the topic was deleted, or created anew",
  103: "the topic was created anew",
};

/** Only an operator can cure these: waiting and asking again is of no use. */
const PERMANENT = new Set([17, 29, 31, 35, 53]);

/** Whether the error, or what caused it, is one that waiting does not cure: access denied, a wrong password, a bad name. */
export function isPermanent(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof KafkaError && PERMANENT.has(cause.code)) return true;
    if (cause.name === "KafkaJSSASLAuthenticationError") return true;
  }
  return false;
}
