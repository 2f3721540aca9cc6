import { type EventTail, MAX_TAILS } from "../../admin/event_tail.ts";
import { isEventPattern } from "../../model/event_name.ts";
import { parseScope } from "../../model/scope.ts";
import { STREAM_HEADERS } from "../../wire/response_headers.ts";
import { problem } from "../problem.ts";
import type { Route } from "../router.ts";

/** `GET /admin/v1/events`: everything that this node reads, as it comes, as an event stream. */
export function tailRoute(tail: EventTail): Route {
  return {
    path: "/admin/v1/events",
    methods: {
      GET: ({ url: { searchParams } }) => {
        const scopes = searchParams.getAll("scope").filter((text) => text !== "");
        const patterns = searchParams.getAll("event").filter((text) => text !== "");
        const strangeScope = scopes.find((text) => parseScope(text) === undefined);
        if (strangeScope !== undefined) return problem("invalid-scope", "`scope` must be global, or kind:id");
        if (!patterns.every(isEventPattern)) {
          return problem("invalid-event-name", "`event` must be an event's name, or domain.*");
        }
        const body = tail.open({ scopes, patterns });
        return body === undefined
          ? problem("too-many-requests", `${MAX_TAILS} tails are open already`, { "retry-after": "5" })
          : new Response(body, { headers: STREAM_HEADERS });
      },
      // A GET that only asks for the head would leave a tail open.
      HEAD: () => new Response(null, { headers: STREAM_HEADERS }),
    },
  };
}
