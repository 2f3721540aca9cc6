import type { Explainer } from "../../admin/explainer.ts";
import { isEventName } from "../../model/event_name.ts";
import { parseScope } from "../../model/scope.ts";
import { problem } from "../problem.ts";
import type { Route, RouteRequest } from "../router.ts";

/** Reads of single records at one time: each is a request to a middleware. */
const MAX_AT_ONCE = 4;
/** `source:partition:offset`, as ids begin; what follows the `~` is left out. */
const IDENTITY = /^([^:~]{1,64}):([0-9]{1,9}):([^:~]{1,64})(?:~.*)?$/;

/** `GET /admin/v1/explain`: why somebody got, or did not get, an event. */
export function explainRoute(explainer: Explainer): Route {
  let running = 0;
  return {
    path: "/admin/v1/explain",
    methods: {
      GET: async (request) => {
        if (running >= MAX_AT_ONCE) {
          return problem("too-many-requests", `${MAX_AT_ONCE} explanations are under way`, { "retry-after": "1" });
        }
        running++;
        try {
          return await explain(explainer, request);
        } finally {
          running--;
        }
      },
    },
  };
}

async function explain(explainer: Explainer, { url: { searchParams } }: RouteRequest): Promise<Response> {
  const subject = searchParams.get("subject") || undefined;
  const identity = searchParams.get("identity");
  if (identity !== null && identity !== "") {
    const [, source, partition, offset] = IDENTITY.exec(identity) ?? [];
    if (source === undefined || partition === undefined || offset === undefined) {
      return problem("invalid-request", "`identity` must be source:partition:offset, as an event's id begins");
    }
    return Response.json(await explainer.ofIdentity({ source, partition: Number(partition), offset, subject }));
  }
  const scope = parseScope(searchParams.get("scope") ?? "");
  const event = searchParams.get("event") ?? "";
  if (scope === undefined) return problem("invalid-scope", "Give `identity`, or `scope` and `event`");
  if (!isEventName(event)) return problem("invalid-event-name", "`event` must be an event's name");
  return Response.json(explainer.ofKind({ event, scope, subject }));
}
