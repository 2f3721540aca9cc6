import type { Authenticator } from "../access/authenticator.ts";
import { problem } from "./problem.ts";
import type { Route } from "./router.ts";

/** `POST /api/v1/events/tickets`: a one-time credential for the URL of a native EventSource. */
export function ticketRoute(authenticator: Authenticator): Route {
  return {
    path: "/api/v1/events/tickets",
    methods: {
      POST: async ({ request, url }) => {
        const outcome = await authenticator.authenticate({ method: "POST", headers: request.headers, url });
        if (outcome.kind === "refused") return problem(outcome.code, outcome.detail);
        const ticket = await authenticator.issueTicket(outcome.principal);
        if (ticket.kind === "refused") return problem(ticket.code, ticket.detail);
        const body = { ticket: ticket.text, expiresAt: new Date(ticket.expiresAtMs).toISOString() };
        return Response.json(body, { status: 201 });
      },
    },
  };
}
