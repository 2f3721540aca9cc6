import type { Route } from "../router.ts";

/** `POST /admin/v1/drain`: the same as SIGTERM. The answer comes at once; the node is gone after the window. */
export function drainRoute(windowMs: number, drain: () => void): Route {
  return {
    path: "/admin/v1/drain",
    methods: {
      POST: () => {
        drain();
        return Response.json({ draining: true, windowMs }, { status: 202 });
      },
    },
  };
}
