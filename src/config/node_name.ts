/**
 * This host's name as a node's name, where none is configured. `tidegate` when the process may not ask for it, or
 * when nothing of it fits: a node's name stands in frames, log lines and labels.
 */
export function nodeName(): string {
  try {
    return Deno.hostname().replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 64) || FALLBACK;
  } catch {
    return FALLBACK;
  }
}

const FALLBACK = "tidegate";
