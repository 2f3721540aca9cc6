import { createHash } from "node:crypto";
import { SERVER_VERSION } from "../model/server_version.ts";

/** Of the entries of `redis_entry.ts`; raised when they change. */
const ENTRY_FORMAT = 2;

/**
 * Names the log of a partition's history. What is in it is of one incarnation of the source's log and of one way to map it:
 * a log that was created anew, a changed mapping or another version of the gateway never finds what is not its own.
 *
 * @param mapping everything of the configuration that decides what a record becomes, as plain data
 */
export function historyKeys(
  prefix: string,
  source: string,
  mapping: unknown,
): (epoch: string, partition: number) => string {
  const mapped = JSON.stringify([SERVER_VERSION, ENTRY_FORMAT, mapping]);
  return (epoch, partition) => {
    const incarnation = createHash("sha256").update(epoch).update("\0").update(mapped).digest("base64url").slice(0, 16);
    return `${prefix}:history:${source}:${partition}:${incarnation}`;
  };
}
