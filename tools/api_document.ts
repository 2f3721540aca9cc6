/** `deno task build:api`: writes docs/api.md, the routes of both ports for people, from what /openapi.json is made of. */
import { ADMIN_OPERATIONS } from "../src/http/description/admin_operations.ts";
import { ADMIN_BODIES } from "../src/http/description/admin_schemas.ts";
import type { JSONSchema } from "../src/http/description/json_schema.ts";
import type { Operation, Parameter } from "../src/http/description/operation.ts";
import { OPERATIONS } from "../src/http/description/operations.ts";
import { BODIES, CONTROL_DATA } from "../src/http/description/schemas.ts";

const INTRODUCTION = `# The HTTP API

Made by \`deno task build:api\` from what every gateway serves at \`/openapi.json\` (OpenAPI 3.1): on each of its ports, the routes that this port
has. What they promise, in words, is in [the protocol](protocol.md); what an operator may ask, in
[operations](operations.md#the-console-and-the-admin-api).

\`/asyncapi.json\` (AsyncAPI 3.0) has the events: the gateway's own, those that ship, and those of the running configuration's mappings with
their fields. Point a generator or a validator at it. \`server.apiDescription: false\` serves neither.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) bodies with a stable \`code\`; beside those named below, every route that asks for a
credential may answer with one of [the credential's](protocol.md#refusals-for-good).
`;

/** The text of docs/api.md, before it is formatted. */
export function apiDocument(): string {
  return [
    INTRODUCTION,
    "## Routes\n",
    ...OPERATIONS.map(operationText),
    "## Bodies\n",
    ...bodyTexts(BODIES),
    "## Routes of the admin port\n",
    "Beside `/livez`, `/readyz` and `/openapi.json`, which are on both ports.\n",
    ...ADMIN_OPERATIONS.map(operationText),
    "## Bodies of the admin port\n",
    ...bodyTexts(ADMIN_BODIES),
    "## Control events\n",
    "The events of the gateway itself, `data` of each. Around all others stands `{version, scope, time, data}`.\n",
    ...Object.entries(CONTROL_DATA).map(([name, { summary, data }]) =>
      `### ${name}\n\n${summary}.\n\n${membersText(data)}`
    ),
  ].join("\n");
}

function bodyTexts(bodies: Readonly<Record<string, JSONSchema>>): readonly string[] {
  return Object.entries(bodies).map(([name, schema]) => `### ${name}\n\n${membersText(schema)}`);
}

function operationText(operation: Operation): string {
  const { method, path, summary, description, parameters = [], body, isBatch, problems, access } = operation;
  const lines = [`### ${method} ${path}`, "", `${summary}. ${description}`, ""];
  if (access === "open") lines.push("Needs no credential.", "");
  if (access === "admin") lines.push("Needs the admin token.", "");
  if (parameters.length > 0) {
    lines.push("| parameter | in | meaning |", "| - | - | - |", ...parameters.map(parameterRow), "");
  }
  if (body !== undefined) lines.push(`Body: one ${linkTo(body)}${isBatch ? ", or an array of them" : ""}.`, "");
  lines.push(answerText(operation), "");
  if (problems.length > 0) lines.push(`Refuses with ${problems.map((code) => `\`${code}\``).join(", ")}.`, "");
  return lines.join("\n");
}

function answerText({ answer: { status, description, mediaTypes = [], body }, others = {} }: Operation): string {
  const types = mediaTypes.map((type) =>
    body !== undefined && type === "application/json" ? linkTo(body) : `\`${type}\``
  );
  const whats = types.length === 0 && body !== undefined ? [linkTo(body)] : types;
  const further = Object.entries(others).map(([other, { description, hasBody }]) =>
    ` \`${other}\`${hasBody ? " with the same" : ""}: ${description}`
  );
  const what = whats.length === 0 ? "" : ` with ${whats.join(", ")}`;
  return `Answers \`${status}\`${what}. ${description}${further.join("")}`;
}

function linkTo(body: string): string {
  return `[${body}](#${body.toLowerCase()})`;
}

function parameterRow({ name, in: place, description, schema }: Parameter): string {
  const initial = schema["default"] === undefined ? "" : ` Default ${schema["default"]}.`;
  const words = Array.isArray(schema["enum"]) ? ` ${schema["enum"].map((word) => `\`${word}\``).join(", ")}` : "";
  return `| \`${name}\` | ${place} | ${description}${words}${initial} |`;
}

function membersText(schema: JSONSchema): string {
  const { properties = {}, required = [] } = schema as {
    readonly properties?: Readonly<Record<string, JSONSchema>>;
    readonly required?: readonly string[];
  };
  const rows = Object.entries(properties).map(([name, member]) => {
    const meaning = [member["description"], wordsOf(member["enum"])].filter((text) => text !== undefined).join(" ");
    return `| \`${name}\` | ${typeText(member)} | ${required.includes(name) ? "always" : ""} | ${meaning} |`;
  });
  return ["| member | type | there | meaning |", "| - | - | - | - |", ...rows, ""].join("\n");
}

/** A list that is long stands elsewhere. */
function wordsOf(words: unknown): string | undefined {
  if (!Array.isArray(words)) return undefined;
  return words.length > 8
    ? "One of [the codes](protocol.md#refusals-for-good) or [reasons](protocol.md#why-a-stream-ends)."
    : words.map((word) => `\`${word}\``).join(", ");
}

function typeText(member: JSONSchema): string {
  const { type } = member;
  if (type === undefined) return "any";
  return Array.isArray(type) ? type.join(" or ") : String(type);
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("../docs/api.md", import.meta.url), apiDocument());
}
