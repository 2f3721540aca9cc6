/** `deno task build:api`: writes docs/api.md, the public routes for people, from what /openapi.json is made of. */
import { type Operation, OPERATIONS, type Parameter } from "../src/http/description/operations.ts";
import { BODIES, CONTROL_DATA, type JSONSchema } from "../src/http/description/schemas.ts";

const INTRODUCTION = `# The HTTP API

Made by \`deno task build:api\` from what every gateway serves at \`/openapi.json\` (OpenAPI 3.1). What the routes promise, in words, is in
[the protocol](protocol.md); what an operator may ask, in [operations](operations.md#the-console-and-the-admin-api).

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
    ...Object.entries(BODIES).map(([name, schema]) => `### ${name}\n\n${membersText(schema)}`),
    "## Control events\n",
    "The events of the gateway itself, `data` of each. Around all others stands `{version, scope, time, data}`.\n",
    ...Object.entries(CONTROL_DATA).map(([name, { summary, data }]) =>
      `### ${name}\n\n${summary}.\n\n${membersText(data)}`
    ),
  ].join("\n");
}

function operationText(operation: Operation): string {
  const { method, path, summary, description, parameters = [], body, answer, problems, isOpen = false } = operation;
  const lines = [`### ${method} ${path}`, "", `${summary}. ${description}`, ""];
  if (isOpen) lines.push("Needs no credential.", "");
  if (parameters.length > 0) {
    lines.push("| parameter | in | meaning |", "| - | - | - |", ...parameters.map(parameterRow), "");
  }
  if (body !== undefined) lines.push(`Body: one [${body}](#${body.toLowerCase()}), or an array of them.`, "");
  const what = answer.body === undefined
    ? `\`${answer.mediaType}\``
    : `[${answer.body}](#${answer.body.toLowerCase()})`;
  lines.push(`Answers \`${answer.status}\` with ${what}. ${answer.description}`, "");
  if (problems.length > 0) lines.push(`Refuses with ${problems.map((code) => `\`${code}\``).join(", ")}.`, "");
  return lines.join("\n");
}

function parameterRow({ name, in: place, description, schema }: Parameter): string {
  const initial = schema["default"] === undefined ? "" : ` Default ${schema["default"]}.`;
  return `| \`${name}\` | ${place} | ${description}${initial} |`;
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
