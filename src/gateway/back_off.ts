/** Longest pause between two attempts, in milliseconds. */
const MAX_PAUSE_MS = 10_000;
const FIRST_PAUSE_MS = 200;

/**
 * Waits before another attempt: full jitter over a doubling range. Returns false when the signal ended the wait.
 *
 * @param attempt from 0
 */
export async function backOff(attempt: number, signal: AbortSignal): Promise<boolean> {
  const pauseMs = Math.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  if (signal.aborted) return false;
  return await new Promise<boolean>((resolve) => {
    const stop = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve(true);
    }, pauseMs);
    signal.addEventListener("abort", stop, { once: true });
  });
}
