import { getLogger } from "@logtape/logtape";
import type { Route } from "../router.ts";

const log = getLogger(["tidegate", "admin"]);

/** `POST /admin/v1/drain`: the same as SIGTERM. The answer comes at once; the node is gone after the window. */
export function drainRoute(windowMs: number, drain: () => void): Route {
  return {
    path: "/admin/v1/drain",
    methods: {
      POST: () => {
        log.info("An operator asked for a drain");
        drain();
        return Response.json({ draining: true, windowMs }, { status: 202 });
      },
    },
  };
}
