/** docs/guide/event-types.md against the schemas. */
import assert from "node:assert/strict";
import * as z from "zod";
import { EVENT_SCHEMAS } from "../../src/model/events.ts";
import { codeBlocks } from "./code_block.ts";

const PATH = "docs/guide/event-types.md";
const TEXT = await Deno.readTextFile(new URL(`../../${PATH}`, import.meta.url));
const SECTIONS = new Map(TEXT.split(/^## /m).slice(1).map((text) => [/^`(.+)`/.exec(text)?.[1] ?? "", text]));

for (const [name, schema] of Object.entries(EVENT_SCHEMAS)) {
  Deno.test(`the page of event types has the fields of ${name}, and an example that fits`, () => {
    const text = SECTIONS.get(name);
    assert(text !== undefined, `no section \`${name}\``);
    const { properties = {}, required = [] } = z.toJSONSchema(schema);
    const rows = Object.entries(properties).map(([field, type]) => [
      `\`${field}\``,
      typeText(type),
      required.includes(field) ? "yes" : "no",
    ]);
    assert.deepEqual(tableRows(text).map((cells) => cells.slice(0, 3)), rows);
    const [example] = codeBlocks({ path: PATH, text });
    schema.parse(JSON.parse(example?.text ?? ""));
  });
}

function tableRows(text: string): string[][] {
  const lines = text.split("\n").filter((line) => line.startsWith("| `"));
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

function typeText(type: z.core.JSONSchema._JSONSchema): string {
  assert(typeof type === "object");
  if (type.enum !== undefined) return type.enum.map((value) => `\`${value}\``).join(", ");
  if (type.type === "array" && typeof type.items === "object" && "type" in type.items) return `${type.items.type}[]`;
  return String(type.type);
}
