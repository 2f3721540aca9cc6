import assert from "node:assert/strict";
import { configurationDocument } from "../../src/config/configuration_document.ts";
import { jsonSchema } from "../../src/config/json_schema.ts";
import { schemaNode } from "../../src/config/schema_node.ts";
import { settingTemplates, variableName } from "../../src/config/setting_template.ts";
import { configSchema } from "../../src/config/schema.ts";

const DOCS = new URL("../../docs/", import.meta.url);

Deno.test("docs/configuration.md is what the schema says; make it anew with `deno task tidegate config docs`", async () => {
  assert.equal(await Deno.readTextFile(new URL("configuration.md", DOCS)), configurationDocument());
});

Deno.test("docs/tidegate.schema.json is what the schema says; make it anew with `deno task tidegate config schema`", async () => {
  assert.deepEqual(JSON.parse(await Deno.readTextFile(new URL("tidegate.schema.json", DOCS))), jsonSchema());
});

Deno.test("every setting says what it is for, and stands in the document with its variable", () => {
  const document = configurationDocument();
  for (const { path, node } of settingTemplates(configSchema)) {
    assert((node.description ?? "").length > 10, `${path.join(".")} has no description`);
    assert(document.includes(`\`${path.at(-1)}\``), path.join("."));
    if (!path.includes("#")) assert(document.includes(`\`${variableName(path)}\``), path.join("."));
  }
});

Deno.test("every section says what it is for", () => {
  for (const [name, section] of Object.entries(configSchema.in.in.shape)) {
    assert(schemaNode(section).description !== undefined, name);
  }
});

Deno.test("the JSON Schema marks secrets as write-only, refuses unknown keys and knows the units", () => {
  const text = JSON.stringify(jsonSchema());
  assert.match(text, /"writeOnly":true/);
  assert.match(text, /"additionalProperties":false/);
  assert.doesNotMatch(text, /9007199254740991/);
  assert.equal(jsonSchema().$schema, "https://json-schema.org/draft/2020-12/schema");
});
