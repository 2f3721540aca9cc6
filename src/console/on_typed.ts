/// <reference lib="dom" />

/** After so long without a key a text is meant as it stands: longer than between two keys of one word. */
const PAUSE_MS = 300;

/**
 * Calls when the fields say something else than before: as soon as whoever types pauses, at once for who is done with a field
 * (Enter, Tab). Until the signal is aborted.
 */
export function onTyped(fields: readonly HTMLInputElement[], apply: () => void, signal: AbortSignal): void {
  const texts = () => JSON.stringify(fields.map(({ value }) => value.trim()));
  let applied = texts();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    // Enter after a pause changes nothing more, and what is applied anew begins anew.
    if (applied === texts()) return;
    applied = texts();
    apply();
  };
  for (const field of fields) {
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE_MS);
    }, { signal });
    field.addEventListener("change", look, { signal });
  }
  signal.addEventListener("abort", () => clearTimeout(timer));
}
