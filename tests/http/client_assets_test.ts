import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import assets from "../../src/http/client_assets.json" with { type: "json" };
import { clientRoutes } from "../../src/http/client_routes.ts";
import { corsPolicy } from "../../src/http/cors.ts";
import { router } from "../../src/http/router.ts";
import { buildClient } from "../client/build_client.ts";

/** 4 kB gzipped for the client itself, with its parser. */
const MAX_CORE_BYTES = 4_000;
/** 1.2 kB gzipped for each addition to the client: what a page notices less than the request for it. */
const MAX_ADDITION_BYTES = 1_200;

Deno.test("client_assets.json is what src/client makes", async () => {
  await using _ = await buildClient("--check");
});

Deno.test("the client takes 4 kB at most, each addition 1.2 kB, minified and gzipped", () => {
  const modules = Object.entries(assets).filter(([name]) => name.endsWith(".js"));
  assert.ok(modules.some(([name]) => name === "core.js"));
  for (const [name, text] of modules) {
    const { length } = gzipSync(text, { level: 9 });
    assert.ok(length <= (name === "core.js" ? MAX_CORE_BYTES : MAX_ADDITION_BYTES), `${name} has ${length} bytes`);
  }
});

Deno.test("the client's guide has the size of each module", async () => {
  const guide = await Deno.readTextFile(new URL("../../docs/guide/client.md", import.meta.url));
  const told = [...guide.matchAll(/^\| `\/client\/(\w+\.js)` +\| ([\d.]+) kB/gm)].map(([, name, size]) => [name, size]);
  const modules = Object.entries(assets).filter(([name]) => name.endsWith(".js"));
  const sizes = modules.map(([name, text]) => [name, (gzipSync(text, { level: 9 }).length / 1_000).toFixed(1)]);
  assert.deepEqual(Object.fromEntries(told), Object.fromEntries(sizes));
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

const LISTED = "https://app.example.com";

Deno.test("clientRoutes: pages of any origin may take the modules, as what they are, asked for anew each time", async () => {
  const answer = router(clientRoutes(), { cors: corsPolicy([LISTED]), onAnswer: () => {} });
  const ask = (name: string, headers: Record<string, string>, method = "GET") =>
    answer(new Request(`http://gateway/client/${name}`, { method, headers }));
  for (const [name, text] of Object.entries(assets)) {
    const isModule = name.endsWith(".js");
    const first = await ask(name, { origin: "https://elsewhere.example" });
    assert.equal(await first.text(), text);
    const etag = first.headers.get("etag") ?? "";
    const known = await ask(name, { origin: "https://elsewhere.example", "if-none-match": etag });
    assert.deepEqual([first.status, known.status, await known.text()], [200, 304, ""]);
    for (const { headers } of [first, known, await ask(name, {}, "HEAD")]) {
      assert.deepEqual(
        {
          "content-type": headers.get("content-type"),
          "x-content-type-options": headers.get("x-content-type-options"),
          "cache-control": headers.get("cache-control"),
          etag: headers.get("etag"),
          "access-control-allow-origin": headers.get("access-control-allow-origin"),
          "access-control-allow-credentials": headers.get("access-control-allow-credentials"),
          "cross-origin-resource-policy": headers.get("cross-origin-resource-policy"),
          vary: headers.get("vary"),
          "x-typescript-types": headers.get("x-typescript-types"),
        },
        {
          "content-type": `${isModule ? "text/javascript" : "application/typescript"}; charset=utf-8`,
          "x-content-type-options": "nosniff",
          "cache-control": "public, no-cache",
          etag,
          "access-control-allow-origin": "*",
          "access-control-allow-credentials": null,
          "cross-origin-resource-policy": "cross-origin",
          vary: "Origin",
          "x-typescript-types": isModule ? `./${name.replace(".js", ".d.ts")}` : null,
        },
        name,
      );
    }
    // With `crossorigin="use-credentials"` a star is not enough.
    const listed = await ask(name, { origin: LISTED });
    await listed.body?.cancel();
    assert.equal(listed.headers.get("access-control-allow-origin"), LISTED);
    assert.equal(listed.headers.get("access-control-allow-credentials"), "true");
  }
});

Deno.test("clientRoutes: no two texts have one tag", async () => {
  const tags = await Promise.all(
    clientRoutes().map(async ({ path, methods }) => {
      const url = new URL(path, "http://gateway");
      const response = await methods["GET"]?.({ request: new Request(url), url, parameters: {} });
      await response?.body?.cancel();
      return response?.headers.get("etag");
    }),
  );
  assert.equal(new Set(tags).size, Object.keys(assets).length);
});
