import { getLogger } from "@logtape/logtape";
import { type ConnectionDirectory, type ConnectionQuery, MAX_PAGE } from "../../admin/connection_directory.ts";
import { problem } from "../problem.ts";
import type { Route, RouteRequest } from "../router.ts";

/** `GET /admin/v1/connections` and `GET`, `DELETE /admin/v1/connections/{id}`. */
export function connectionRoutes(directory: ConnectionDirectory): readonly Route[] {
  return [
    { path: "/admin/v1/connections", methods: { GET: (request) => list(directory, request) } },
    {
      path: "/admin/v1/connections/{id}",
      methods: {
        GET: ({ parameters }) => {
          const found = directory.find(parameters.id ?? "");
          return found === undefined ? noSuchStream() : Response.json(found);
        },
        DELETE: ({ parameters }) => {
          const connection = directory.connection(parameters.id ?? "");
          if (connection === undefined) return noSuchStream();
          connection.close("closed-by-operator");
          log.info("An operator closed stream {id} of {subject}", {
            id: connection.id,
            subject: connection.reader.subject,
          });
          return Response.json(directory.find(connection.id));
        },
      },
    },
  ];
}

const log = getLogger(["tidegate", "admin"]);

const DEFAULT_PAGE = 50;

function list(directory: ConnectionDirectory, { url: { searchParams } }: RouteRequest): Response {
  const limit = Number(searchParams.get("limit") ?? DEFAULT_PAGE);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    return problem("invalid-request", `\`limit\` must be 1 to ${MAX_PAGE}`);
  }
  const query: ConnectionQuery = { limit, ...textsOf(searchParams, ["subject", "scope", "after"]) };
  return Response.json(directory.page(query));
}

/** The parameters that are there and not empty: a form sends its empty fields too. */
function textsOf<Name extends string>(
  parameters: URLSearchParams,
  names: readonly Name[],
): { readonly [Each in Name]?: string } {
  const given = names.flatMap((name) => {
    const text = parameters.get(name);
    return text === null || text === "" ? [] : [[name, text]];
  });
  // Built from the same names as the type.
  return Object.fromEntries(given) as { readonly [Each in Name]?: string };
}

function noSuchStream(): Response {
  return problem("not-found", "No such stream is open here, and none ended lately; ids are those of one node");
}
