/*
 * The client's times: how often it looks, how long it waits for what. Here and not where they are used, because a bundler
 * writes the constants of a module that imports nothing as numbers into the others, and the client's 4 kB notice.
 */

/** How often the watchdog looks. It compares times, for timers of hidden tabs come late. */
export const LOOK_MS = 2_500;
/** Until `getToken` gives one: as long as the head of a stream has, for the page asks a server too. */
export const TOKEN_WITHIN_MS = 20_000;
/** Until the head of the answer; no gateway takes longer. */
export const HEAD_WITHIN_MS = 20_000;
/** From the head to the first block, which the gateway writes at once: a proxy that gathers the answer is no way. */
export const FIRST_BLOCK_WITHIN_MS = 10_000;
/** Of a gateway that does not say. */
export const DEFAULT_HEARTBEAT_MS = 15_000;
/** Silence that is allowed beyond the announced heartbeat: a slow network is no dead one. */
export const SILENCE_SHARE = 1.5;
/** Range of the pauses between attempts, where neither the page nor the gateway says otherwise. */
export const MIN_RETRY_MS = 500;
export const MAX_RETRY_MS = 20_000;
/** Until a state without a stream is worth telling a person: a short break shall not flicker. */
export const LOST_AFTER_MS = 5_000;
