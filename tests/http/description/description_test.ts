import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv } from "ajv";
import { asyncAPI } from "../../../src/http/description/asyncapi.ts";
import { openAPI } from "../../../src/http/description/openapi.ts";
import { OPERATIONS } from "../../../src/http/description/operations.ts";
import { loadConfig } from "../../../src/config/load_config.ts";
import { apiDocument } from "../../../tools/api_document.ts";

const require = createRequire(import.meta.url);
const ROOT = new URL("../../../", import.meta.url);

Deno.test("openAPI: is valid OpenAPI 3.1, with every operation once", async () => {
  const result = await new Validator().validate(structuredClone(openAPI()));
  assert.equal(result.valid, true, JSON.stringify(result.errors, null, 2));
  const { paths } = openAPI() as { paths: Record<string, Record<string, { operationId: string }>> };
  const ids = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
  assert.deepEqual(ids.toSorted(), OPERATIONS.map(({ id }) => id).toSorted());
});

Deno.test("openAPI: has every route of src/http that answers with data", async () => {
  const paths: string[] = [];
  for await (const { name } of Deno.readDir(new URL("src/http/", ROOT))) {
    if (!/_routes?\.ts$/.test(name)) continue;
    const text = await Deno.readTextFile(new URL(`src/http/${name}`, ROOT));
    paths.push(...[...text.matchAll(/path: "([^"]+)"/g)].map(([, path = ""]) => path));
  }
  const isElsewhere = (path: string) => path === "/" || path === "/metrics";
  assert.deepEqual(
    paths.filter((path) => !isElsewhere(path)).toSorted(),
    OPERATIONS.map(({ path }) => path).toSorted(),
  );
});

Deno.test("asyncAPI: is valid AsyncAPI 3.0, with the events of the novel platform's rules and their fields alone", async () => {
  const loaded = loadConfig({
    file: new URL("docs/examples/novel-platform/tidegate.yaml", ROOT).pathname,
    env: {},
  });
  assert.ok(loaded.kind === "ok", JSON.stringify(loaded));
  const document = asyncAPI(loaded.config.mappings.rules);
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const validate = ajv.compile(require("@asyncapi/specs/schemas/3.0.0-without-$id.json"));
  assert.equal(validate(structuredClone(document)), true, JSON.stringify(validate.errors, null, 2));
  const { components: { messages } } = document as {
    components: {
      messages: Record<string, { summary: string; payload: { properties: Record<string, { properties: object }> } }>;
    };
  };
  const rule = loaded.config.mappings.rules.find(({ event }) => typeof event === "string");
  assert.ok(rule !== undefined && typeof rule.event === "string");
  const message = messages[rule.event];
  assert.equal(message?.summary, `By rule ${rule.name}`);
  assert.deepEqual(Object.keys(message?.payload.properties["data"]?.properties ?? {}), Object.keys(rule.fields));
  assert.ok("stream.opened" in messages && "stream.failed" in messages);
});

Deno.test("docs/api.md is what the description says; make it anew with `deno task build:api`", async () => {
  const words = (text: string) => text.replaceAll(/-{2,}|[\s|-]+/g, " ");
  const committed = await Deno.readTextFile(new URL("docs/api.md", ROOT));
  assert.equal(words(committed), words(apiDocument()));
});
