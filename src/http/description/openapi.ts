import { ERROR_CODES, type ErrorCode } from "../../model/error_code.ts";
import { SERVER_VERSION } from "../../model/server_version.ts";
import { ADMIN_OPERATIONS } from "./admin_operations.ts";
import { ADMIN_BODIES } from "./admin_schemas.ts";
import type { JSONSchema } from "./json_schema.ts";
import type { BodyName, Operation } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { BODIES } from "./schemas.ts";

/** What a credential is refused with: the codes of statuses 400 and 401 that speak of it, and 403 for a cookie from elsewhere. */
const CREDENTIAL_PROBLEMS: readonly ErrorCode[] = [
  "ambiguous-credentials",
  ...(Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) =>
    ERROR_CODES[code].status === 401 && code !== "admin-token-invalid"
  ),
  "cross-site-request",
  "keys-unavailable",
];

/** What a request that is not the operator's is refused with. */
const ADMIN_PROBLEMS: readonly ErrorCode[] = ["token-missing", "admin-token-invalid", "cross-site-request"];

const SECURITY: Readonly<Record<string, JSONSchema>> = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
  ticket: { type: "apiKey", in: "query", name: "ticket", description: "One stream, once." },
  admin: { type: "http", scheme: "bearer", description: "The admin token of the configuration." },
};

const BODY_SCHEMAS: Readonly<Record<BodyName, JSONSchema>> = { ...BODIES, ...ADMIN_BODIES };

/**
 * What one port answers, in OpenAPI 3.1: the operations of these routes, and of the bodies and credentials those that they
 * take. Each port describes itself, for the operator's routes are on another one, and in development mode on both.
 *
 * @param routes paths of the port's routes
 */
export function openAPI(routes: readonly string[]): Readonly<Record<string, unknown>> {
  const operations = [...OPERATIONS, ...ADMIN_OPERATIONS].filter(({ path }) => routes.some(matcherOf(path)));
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = operationOf(operation);
  }
  const bodies = new Set<string>([
    "Problem",
    ...operations.flatMap(({ body, answer }) => [body ?? "", answer.body ?? ""]),
  ]);
  const schemes = new Set(operations.flatMap(schemesOf));
  return {
    openapi: "3.1.1",
    info: {
      title: "Tidegate",
      version: SERVER_VERSION,
      description: "Events to browsers over Server-Sent Events: what this port of a node answers.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(BODY_SCHEMAS).filter(([name]) => bodies.has(name))),
      securitySchemes: Object.fromEntries(Object.entries(SECURITY).filter(([name]) => schemes.has(name))),
    },
  };
}

/** Whether an operation's path is that of a route, whose own places stand for themselves. */
export function matcherOf(path: string): (route: string) => boolean {
  const pattern = path.split("/").map((segment) => /^\{.+\}$/.test(segment) ? "[^/]+" : RegExp.escape(segment));
  const whole = new RegExp(`^${pattern.join("/")}$`);
  return (route) => whole.test(route);
}

function schemesOf({ access }: Operation): readonly string[] {
  if (access === "open") return [];
  return access === "admin" ? ["admin"] : ["bearer", "ticket"];
}

function operationOf(operation: Operation): JSONSchema {
  const { id, summary, description, parameters = [], body, isBatch = false } = operation;
  const one = body && reference(body);
  return {
    operationId: id,
    summary,
    description,
    ...(parameters.length === 0 ? {} : {
      parameters: parameters.map((parameter) => ({ ...parameter, required: parameter.in === "path" })),
    }),
    ...(one === undefined ? {} : {
      requestBody: {
        required: true,
        content: {
          "application/json": {
            schema: isBatch ? { oneOf: [one, { type: "array", items: one, minItems: 1 }] } : one,
          },
        },
      },
    }),
    responses: responsesOf(operation),
    security: schemesOf(operation).map((scheme) => ({ [scheme]: [] })),
  };
}

function responsesOf({ answer, others = {}, problems, access }: Operation): JSONSchema {
  const content = contentOf(answer);
  const responses: Record<string, unknown> = { [answer.status]: { description: answer.description, ...content } };
  for (const [status, { description, hasBody }] of Object.entries(others)) {
    responses[status] = { description, ...(hasBody ? content : {}) };
  }
  const ofAccess = access === "open" ? [] : access === "admin" ? ADMIN_PROBLEMS : CREDENTIAL_PROBLEMS;
  for (const [refusal, codes] of byStatus([...problems, ...ofAccess])) {
    responses[refusal] = {
      description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].text}`).join("\n\n"),
      content: { "application/problem+json": { schema: reference("Problem") } },
    };
  }
  return responses;
}

function contentOf(
  { body, mediaTypes = body === undefined ? [] : ["application/json"] }: Operation["answer"],
): JSONSchema {
  if (mediaTypes.length === 0) return {};
  const schemaOf = (type: string) => body !== undefined && type === "application/json" ? reference(body) : {};
  return { content: Object.fromEntries(mediaTypes.map((type) => [type, { schema: schemaOf(type) }])) };
}

/** In order of status. */
function byStatus(codes: readonly ErrorCode[]): readonly (readonly [status: number, codes: readonly ErrorCode[]])[] {
  const statuses = new Set(codes.map((code) => ERROR_CODES[code].status));
  return [...statuses].sort().map((status) => [status, codes.filter((code) => ERROR_CODES[code].status === status)]);
}

function reference(name: BodyName): JSONSchema {
  return { $ref: `#/components/schemas/${name}` };
}
