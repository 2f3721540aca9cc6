import assets from "./console_assets.json" with { type: "json" };
import type { Route } from "./router.ts";

/** Nothing from elsewhere, nothing inline, in nobody's frame: whatever text an event holds, it can be no program here. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
};

/** The console: a page and what it is made of. They hold nothing of the node; what the page shows needs the admin token. */
export function consoleRoutes(): readonly Route[] {
  return [
    asset("/console", "text/html; charset=utf-8", assets.page),
    asset("/console/console.js", "text/javascript; charset=utf-8", assets.script),
    asset("/console/style.css", "text/css; charset=utf-8", assets.style),
    asset("/console/icon.svg", "image/svg+xml", assets.icon),
  ];
}

function asset(path: string, contentType: string, text: string): Route {
  return {
    path,
    methods: { GET: () => new Response(text, { headers: { ...HEADERS, "content-type": contentType } }) },
  };
}
