import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import assets from "../../src/http/client_assets.json" with { type: "json" };
import { clientRoutes } from "../../src/http/client_routes.ts";
import { buildClient } from "../client/build_client.ts";

/** 4 KiB gzipped for the client itself, with its parser. */
const MAX_CORE_BYTES = 4_096;
/** 1.2 kB gzipped for each addition to the client: what a page notices less than the request for it. */
const MAX_ADDITION_BYTES = 1_200;

Deno.test("client_assets.json is what src/client makes", async () => {
  await using _ = await buildClient("--check");
});

Deno.test("the client takes 4 KiB at most, each addition 1.2 kB, minified and gzipped", () => {
  const modules = Object.entries(assets).filter(([name]) => name.endsWith(".js"));
  assert.ok(modules.some(([name]) => name === "core.js"));
  for (const [name, text] of modules) {
    const { length } = gzipSync(text, { level: 9 });
    assert.ok(length <= (name === "core.js" ? MAX_CORE_BYTES : MAX_ADDITION_BYTES), `${name} has ${length} bytes`);
  }
});

Deno.test("clientRoutes: each module is answered with its types beside, a tag, and 304 to who has it", async () => {
  const routes = clientRoutes();
  assert.deepEqual(
    routes.map(({ path }) => path).toSorted(),
    Object.keys(assets).map((name) => `/client/${name}`).toSorted(),
  );
  const core = routes.find(({ path }) => path === "/client/core.js");
  const get = async (headers: Record<string, string> = {}) => {
    const url = new URL("http://gateway/client/core.js");
    const response = await core?.methods["GET"]?.({ request: new Request(url, { headers }), url, parameters: {} });
    assert.ok(response !== undefined);
    return response;
  };
  const first = await get();
  const etag = first.headers.get("etag") ?? "";
  assert.deepEqual(
    [first.status, first.headers.get("content-type"), first.headers.get("x-typescript-types")],
    [200, "text/javascript; charset=utf-8", "./core.d.ts"],
  );
  assert.match(etag, /^"[\w-]{22}"$/);
  assert.equal(await first.text(), assets["core.js"]);
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const again = await get({ "if-none-match": known });
    assert.deepEqual([again.status, await again.text(), again.headers.get("etag")], [304, "", etag], known);
  }
  assert.equal((await get({ "if-none-match": '"other"' })).status, 200);
});
