import { type PostgresAddress, PostgresSession } from "./postgres_session.ts";
import type { WakeUp } from "./wake_up.ts";

/** How listening ended. `deaf`: the server took LISTEN and then told nothing, as poolers between have it. */
export type ListeningEnd = "deaf" | "ended";

/** A notification that we send ourselves is here within this, or none ever will be. */
const MAX_PROBE_MS = 3_000;

/**
 * Listens on a connection of its own until that is over or the signal is aborted, and wakes the relay. Only ever a
 * wake-up: what is notified, how often, and whether at all, changes nothing of what is published.
 *
 * @throws Error of the driver when the server cannot be reached or refuses LISTEN
 */
export async function listenForRows(
  address: PostgresAddress,
  channel: string,
  wakeUp: WakeUp,
  signal: AbortSignal,
): Promise<ListeningEnd> {
  await using session = await PostgresSession.open(address);
  const probe = crypto.randomUUID();
  const heard = Promise.withResolvers<"heard">();
  session.onNotification((_channel, payload) => {
    if (payload === probe) heard.resolve("heard");
    else wakeUp.wake();
  });
  await session.query(`LISTEN "${channel}"`);
  // Rows that came while nobody listened.
  wakeUp.wake();
  await session.query("SELECT pg_notify($1, $2)", [channel, probe]);
  const aborted = Promise.withResolvers<"ended">();
  const abort = () => aborted.resolve("ended");
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  let impatience: ReturnType<typeof setTimeout> | undefined;
  const deaf = new Promise<"deaf">((resolve) => impatience = setTimeout(() => resolve("deaf"), MAX_PROBE_MS));
  const ended = session.ended.then((): "ended" => "ended");
  const first = await Promise.race([heard.promise, deaf, ended, aborted.promise]);
  clearTimeout(impatience);
  const end = first === "heard" ? await Promise.race([ended, aborted.promise]) : first;
  signal.removeEventListener("abort", abort);
  return end;
}
