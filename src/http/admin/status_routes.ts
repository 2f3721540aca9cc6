import type { NodeSamples } from "../../admin/node_samples.ts";
import type { NodeStatus } from "../../admin/node_status.ts";
import type { Route } from "../router.ts";

/** What the node's own state is answered from. */
export interface StatusContext {
  readonly samples: NodeSamples;
  status(): Promise<NodeStatus>;
}

/** `GET /admin/v1/status`: how the node is. `GET /admin/v1/stats`: what it did in the last two minutes, second by second. */
export function statusRoutes({ samples, status }: StatusContext): readonly Route[] {
  return [
    { path: "/admin/v1/status", methods: { GET: async () => Response.json(await status()) } },
    {
      path: "/admin/v1/stats",
      methods: {
        GET: ({ url }) => Response.json({ samples: samples.since(Number(url.searchParams.get("since") ?? 0) || 0) }),
      },
    },
  ];
}
