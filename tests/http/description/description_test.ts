import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv } from "ajv";
import { clientRoutes } from "../../../src/http/client_routes.ts";
import { ADMIN_OPERATIONS } from "../../../src/http/description/admin_operations.ts";
import { asyncAPI } from "../../../src/http/description/asyncapi.ts";
import { matcherOf, openAPI } from "../../../src/http/description/openapi.ts";
import { OPERATIONS } from "../../../src/http/description/operations.ts";
import { loadConfig } from "../../../src/config/load_config.ts";
import { apiDocument } from "../../../tools/api_document.ts";

const require = createRequire(import.meta.url);
const ROOT = new URL("../../../", import.meta.url);

/** Of every route of src/http that is written out, and of the files that are served from a list. */
async function routesOf(folder: string): Promise<readonly string[]> {
  const paths: string[] = [];
  for await (const { name } of Deno.readDir(new URL(`src/http/${folder}`, ROOT))) {
    if (!/_routes?\.ts$/.test(name)) continue;
    const text = await Deno.readTextFile(new URL(`src/http/${folder}${name}`, ROOT));
    paths.push(...[...text.matchAll(/(?:path: |path = |document\(|asset\()"([^"]+)"/g)].map(([, path = ""]) => path));
  }
  return paths;
}

const ROUTES = [...await routesOf(""), ...await routesOf("admin/"), ...clientRoutes().map(({ path }) => path)];
const EVERY_OPERATION = [...OPERATIONS, ...ADMIN_OPERATIONS];

Deno.test("openAPI: is valid OpenAPI 3.1, with every operation once", async () => {
  const result = await new Validator().validate(structuredClone(openAPI(ROUTES)));
  assert.equal(result.valid, true, JSON.stringify(result.errors, null, 2));
  const { paths } = openAPI(ROUTES) as { paths: Record<string, Record<string, { operationId: string }>> };
  const ids = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
  assert.deepEqual(ids.toSorted(), EVERY_OPERATION.map(({ id }) => id).toSorted());
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("openAPI: every route of src/http has an operation, and every operation has a route", () => {
  for (const route of ROUTES) assert.ok(EVERY_OPERATION.some(({ path }) => matcherOf(path)(route)), `${route} has one`);
  for (const { path } of EVERY_OPERATION) assert.ok(ROUTES.some(matcherOf(path)), `${path} has one`);
});

Deno.test("openAPI: a port describes its own routes alone, with the bodies and credentials that these take", () => {
  const described = (...routes: readonly string[]) => {
    const { paths, components: { schemas, securitySchemes } } = openAPI(routes) as {
      paths: object;
      components: { schemas: object; securitySchemes: object };
    };
    return [Object.keys(paths), Object.keys(schemas), Object.keys(securitySchemes)];
  };
  assert.deepEqual(described("/livez", "/client/core.js"), [["/livez", "/client/{file}"], ["Problem", "Liveness"], []]);
  assert.deepEqual(described("/api/v1/events/tickets"), [
    ["/api/v1/events/tickets"],
    ["Problem", "Ticket"],
    ["bearer", "ticket"],
  ]);
  assert.deepEqual(described("/admin/v1/drain"), [["/admin/v1/drain"], ["Problem", "Draining"], ["admin"]]);
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
