import { createHash } from "node:crypto";
import assets from "./client_assets.json" with { type: "json" };
import type { Route, RouteRequest } from "./router.ts";

/** Public code, for pages of any origin; asked for anew each time, so that a page and its gateway are of one version. */
const HEADERS = {
  "cache-control": "public, no-cache",
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
};

/** The client's modules and their types: `/client/core.js` and its neighbours. */
export function clientRoutes(): readonly Route[] {
  return Object.entries(assets).map(([name, text]) => asset(name, text));
}

function asset(name: string, text: string): Route {
  const etag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
  const headers = { ...HEADERS, etag, ...(name.endsWith(".js") ? moduleHeaders(name) : TYPES_HEADERS) };
  const answer = ({ request }: RouteRequest) =>
    isKnown(request.headers.get("if-none-match"), etag)
      ? new Response(null, { status: 304, headers })
      : new Response(text, { headers });
  return { path: `/client/${name}`, methods: { GET: answer } };
}

const TYPES_HEADERS = { "content-type": "application/typescript; charset=utf-8" };

/** Deno and editors find the types by a header; a page ignores it. */
function moduleHeaders(name: string): Readonly<Record<string, string>> {
  return { "content-type": "text/javascript; charset=utf-8", "x-typescript-types": `./${name.replace(/js$/, "d.ts")}` };
}

/** RFC 9110 section 13.1.2: a list of tags, compared weakly, or `*`. */
function isKnown(ifNoneMatch: string | null, etag: string): boolean {
  const tags = ifNoneMatch?.split(",").map((tag) => tag.trim().replace(/^W\//, "")) ?? [];
  return tags.includes(etag) || tags.includes("*");
}
