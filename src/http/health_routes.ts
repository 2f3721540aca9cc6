import type { Route } from "./router.ts";

/** What `/readyz` says of one source. */
export interface SourceReadiness {
  readonly source: string;
  /** `warming`: the journal is being filled; `down`: attached once, cannot be reached now. */
  readonly state: "attaching" | "warming" | "up" | "down";
}

/** What `/readyz` answers from. */
export interface Readiness {
  readonly isDraining: boolean;
  readonly sources: readonly SourceReadiness[];
}

/**
 * `/livez`: the process answers; a source's outage does not change it. `/readyz`: 200 when every source is attached
 * and its past is in the journal, 503 while one is not, and from SIGTERM on.
 */
export function healthRoutes(readiness: () => Readiness): readonly Route[] {
  return [
    { path: "/livez", methods: { GET: () => Response.json({ live: true }) } },
    {
      path: "/readyz",
      methods: {
        GET: () => {
          const { isDraining, sources } = readiness();
          const ready = !isDraining && sources.every(({ state }) => state === "up");
          return Response.json({ ready, draining: isDraining, sources }, { status: ready ? 200 : 503 });
        },
      },
    },
  ];
}
