import type { TrafficClass } from "../load_job.ts";

/** A prime that shares no factor with a round number of scopes: all take turns, neighbours far apart. */
const STRIDE = 7_919;

/** The scope of each next event: classes mixed evenly by weight, the scopes of a class in turn. The same for every server. */
export function scopeSequence(classes: readonly TrafficClass[]): () => number {
  const total = classes.reduce((sum, { weight }) => sum + weight, 0);
  const credit = classes.map(() => 0);
  const turns = classes.map(() => 0);
  return () => {
    let chosen = 0;
    for (const [index, { weight }] of classes.entries()) {
      credit[index] = (credit[index] ?? 0) + weight;
      if ((credit[index] ?? 0) > (credit[chosen] ?? 0)) chosen = index;
    }
    credit[chosen] = (credit[chosen] ?? 0) - total;
    const turn = turns[chosen] ?? 0;
    turns[chosen] = turn + 1;
    const scopes = classes[chosen]?.scopes ?? [];
    return scopes[(turn * STRIDE) % scopes.length] ?? 0;
  };
}
