import { ERROR_CODES, type ErrorCode } from "../../model/error_code.ts";
import { SERVER_VERSION } from "../../model/server_version.ts";
import { type Operation, OPERATIONS } from "./operations.ts";
import { BODIES, type JSONSchema } from "./schemas.ts";

/** What a credential is refused with: the codes of statuses 400 and 401 that speak of it, and 403 for a cookie from elsewhere. */
const CREDENTIAL_PROBLEMS: readonly ErrorCode[] = [
  "ambiguous-credentials",
  ...(Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) =>
    ERROR_CODES[code].status === 401 && code !== "admin-token-invalid"
  ),
  "cross-site-request",
  "keys-unavailable",
];

/** The HTTP side of the protocol, in OpenAPI 3.1. */
export function openAPI(): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS) {
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = operationOf(operation);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Tidegate",
      version: SERVER_VERSION,
      description: "Events to browsers over Server-Sent Events. The events of a stream are in /asyncapi.json.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: BODIES,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        ticket: { type: "apiKey", in: "query", name: "ticket", description: "One stream, once." },
      },
    },
  };
}

function operationOf(operation: Operation): JSONSchema {
  const { id, summary, description, parameters = [], body, isOpen = false } = operation;
  return {
    operationId: id,
    summary,
    description,
    ...(parameters.length === 0 ? {} : {
      parameters: parameters.map((parameter) => ({ ...parameter, required: parameter.in === "path" })),
    }),
    ...(body === undefined ? {} : {
      requestBody: {
        required: true,
        content: {
          "application/json": {
            schema: { oneOf: [reference(body), { type: "array", items: reference(body), minItems: 1 }] },
          },
        },
      },
    }),
    responses: responsesOf(operation),
    security: isOpen ? [] : [{ bearer: [] }, { ticket: [] }],
  };
}

function responsesOf({ answer, problems, isOpen = false }: Operation): JSONSchema {
  const { status, description, body, mediaType = "application/json" } = answer;
  const schema = body === undefined ? {} : reference(body);
  const responses: Record<string, unknown> = { [status]: { description, content: { [mediaType]: { schema } } } };
  for (const [refusal, codes] of byStatus(isOpen ? problems : [...problems, ...CREDENTIAL_PROBLEMS])) {
    responses[refusal] = {
      description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].text}`).join("\n\n"),
      content: { "application/problem+json": { schema: reference("Problem") } },
    };
  }
  return responses;
}

/** In order of status. */
function byStatus(codes: readonly ErrorCode[]): readonly (readonly [status: number, codes: readonly ErrorCode[]])[] {
  const statuses = new Set(codes.map((code) => ERROR_CODES[code].status));
  return [...statuses].sort().map((status) => [status, codes.filter((code) => ERROR_CODES[code].status === status)]);
}

function reference(name: keyof typeof BODIES): JSONSchema {
  return { $ref: `#/components/schemas/${name}` };
}
