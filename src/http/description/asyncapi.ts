import type { FieldSpec } from "../../config/mapping_field_schema.ts";
import { eventNamesOf, type MappingRule } from "../../config/mapping_rule_schema.ts";
import { SERVER_VERSION } from "../../model/server_version.ts";
import type { JSONSchema } from "./json_schema.ts";
import { CONTROL_DATA, envelopeOf, SHIPPED_DATA } from "./schemas.ts";

interface Message {
  readonly summary: string;
  readonly payload: JSONSchema;
}

/** The events of a stream, in AsyncAPI 3.0: the gateway's own, those that ship, and those of the configured rules. */
export function asyncAPI(rules: readonly MappingRule[]): Readonly<Record<string, unknown>> {
  const messages = messagesOf(rules);
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Tidegate events",
      version: SERVER_VERSION,
      description: "What `GET /api/v1/events/stream` sends. The rest of the protocol is in /openapi.json.",
    },
    defaultContentType: "application/json",
    channels: {
      stream: {
        address: "/api/v1/events/stream",
        description:
          "Server-Sent Events: the message's name is the `event`, its payload the `data`, its cursor the `id`.",
        bindings: { http: {} },
        messages: Object.fromEntries([...messages.keys()].map((name) => [name, reference("messages", name)])),
      },
    },
    operations: {
      receiveEvents: {
        action: "receive",
        channel: { $ref: "#/channels/stream" },
        bindings: { http: { method: "GET" } },
      },
    },
    components: {
      messages: Object.fromEntries([...messages].map(([name, message]) => [name, { name, ...message }])),
    },
  };
}

function messagesOf(rules: readonly MappingRule[]): ReadonlyMap<string, Message> {
  const messages = new Map<string, Message>();
  for (const [name, { summary, data }] of Object.entries(CONTROL_DATA)) messages.set(name, { summary, payload: data });
  for (const [name, data] of Object.entries(SHIPPED_DATA)) {
    const isControl = name.startsWith("stream.");
    const summary = isControl ? "Something the client should know broke" : "Ships with the gateway";
    messages.set(name, { summary, payload: isControl ? data : envelopeOf(data) });
  }
  for (const rule of rules) {
    for (const name of eventNamesOf(rule)) {
      // Of two rules for one event the first speaks: nobody could tell which of them an event came by.
      if (messages.get(name)?.summary.startsWith("By rule") !== true) messages.set(name, messageOf(name, rule));
    }
  }
  return messages;
}

function messageOf(name: string, { name: rule, fields, validate }: MappingRule): Message {
  const shipped = SHIPPED_DATA[name];
  // A rule that validates sends what the shipped schema says, as far as its allow-list lets it through.
  const data = validate && shipped !== undefined ? shipped : fieldsSchema(fields);
  return { summary: `By rule ${rule}`, payload: envelopeOf(data) };
}

function fieldsSchema(fields: Readonly<Record<string, FieldSpec>>): JSONSchema {
  return {
    type: "object",
    properties: Object.fromEntries(Object.entries(fields).map(([name, spec]) => [name, fieldSchema(spec)])),
  };
}

/** A field is there when the record has it, so none is required, and its type is known only where the rule says it. */
function fieldSchema(spec: FieldSpec): JSONSchema {
  if (typeof spec === "string") return {};
  if (spec.fields !== undefined) return fieldsSchema(spec.fields);
  if (spec.const !== undefined) return { const: spec.const };
  const type = spec.template === undefined ? spec.as : "string";
  return {
    ...(type === undefined ? {} : { type }),
    ...(spec.maxLength === undefined ? {} : { maxLength: spec.maxLength }),
  };
}

function reference(kind: string, name: string): JSONSchema {
  return { $ref: `#/components/${kind}/${name}` };
}
