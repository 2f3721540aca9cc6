import type { AdminAccess } from "../../access/admin_access.ts";
import { problem } from "../problem.ts";
import type { Route, RouteRequest } from "../router.ts";

/** The routes, for the operator alone: whoever else asks is refused before anything of the request is read. */
export function operatorOnly(access: AdminAccess, routes: readonly Route[]): readonly Route[] {
  return routes.map(({ path, methods }) => ({
    path,
    methods: Object.fromEntries(
      Object.entries(methods).map(([method, respond]) => [method, (request: RouteRequest) => {
        const refusal = access.refusalFor(request.request.headers);
        return refusal === undefined ? respond(request) : problem(refusal.code, refusal.detail);
      }]),
    ),
  }));
}
