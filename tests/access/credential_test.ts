import assert from "node:assert/strict";
import { type CarrierRules, findCredential } from "../../src/access/credential.ts";

const RULES: CarrierRules = { cookieName: "__Host-tidegate", allowTokenInUrl: false, allowedOrigins: new Set() };
const COOKIE = "__Host-tidegate";

interface Given {
  readonly method?: string;
  readonly query?: string;
  readonly headers?: Record<string, string>;
}

function find({ method = "GET", query = "", headers = {} }: Given, rules: Partial<CarrierRules> = {}) {
  const url = new URL(`https://gateway.example/api/v1/events/stream${query}`);
  return findCredential({ method, url, headers: new Headers(headers) }, { ...RULES, ...rules });
}

function codeOf(given: Given, rules: Partial<CarrierRules> = {}): string {
  const found = find(given, rules);
  return found.kind === "refused" ? found.code : `${found.kind} ${found.text}`;
}

Deno.test("findCredential: the header wins over the cookie, the cookie over the ticket", () => {
  const headers = { authorization: "Bearer a.b.c", cookie: `${COOKIE}=d.e.f` };
  assert.equal(codeOf({ headers, query: "?ticket=t" }), "token a.b.c");
  assert.equal(codeOf({ headers: { cookie: headers.cookie }, query: "?ticket=t" }), "token d.e.f");
  assert.equal(codeOf({ query: "?ticket=t" }), "ticket t");
  assert.equal(codeOf({}), "token-missing");
});

Deno.test("findCredential: a malformed header is refused, never passed over for the good cookie beside it", () => {
  const malformed = ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer a, Bearer b", "a.b.c", "Bearer é"];
  for (const authorization of malformed) {
    const headers = { authorization, cookie: `${COOKIE}=d.e.f` };
    assert.equal(codeOf({ headers, query: "?ticket=t" }), "token-malformed", authorization);
  }
  for (const authorization of ["bearer a.b.c", "BEARER a.b.c", "Bearer  a.b.c"]) {
    assert.equal(codeOf({ headers: { authorization } }), "token a.b.c");
  }
  assert.equal(codeOf({ headers: { authorization: `Bearer ${"a".repeat(8_193)}` } }), "token-malformed");
});

Deno.test("findCredential: takes exactly the configured cookie, once", () => {
  const cookie = (value: string) => codeOf({ headers: { cookie: value } });
  assert.equal(cookie(`a=b; ${COOKIE}=d.e.f; c=d`), "token d.e.f");
  assert.equal(cookie(`${COOKIE}=d.e.f; ${COOKIE}=x.y.z`), "ambiguous-credentials");
  assert.equal(cookie(`${COOKIE}=`), "token-malformed");
  for (const other of ["", "a=b", `x${COOKIE}=d`, `${COOKIE}x=d`, `${COOKIE.toLowerCase()}=d`, COOKIE, `=${COOKIE}`]) {
    assert.equal(cookie(other), "token-missing", other);
  }
  assert.equal(codeOf({ headers: { cookie: `${COOKIE}=d.e.f` } }, { cookieName: undefined }), "token-missing");
});

Deno.test("findCredential: a JWT in the URL is refused under every name it is given, even beside a good header", () => {
  const headers = { authorization: "Bearer a.b.c" };
  for (const name of ["access_token", "token", "jwt", "id_token", "auth_token", "authorization", "bearer"]) {
    assert.equal(codeOf({ query: `?${name}=a.b.c` }), "token-in-url");
    assert.equal(codeOf({ query: `?${name}=a.b.c`, headers }), "token-in-url");
  }
  assert.equal(codeOf({ query: "?ticket=eyJhbGciOiJIUzI1NiJ9.e30.c2ln" }), "token-in-url");
  assert.equal(codeOf({ query: "?access_token=a.b.c" }, { allowTokenInUrl: true }), "token a.b.c");
  assert.equal(codeOf({ query: "?access_token=x.y.z", headers }, { allowTokenInUrl: true }), "token a.b.c");
});

Deno.test("findCredential: a ticket opens a stream and does nothing else", () => {
  assert.equal(codeOf({ query: "?ticket=t", method: "POST" }), "ticket-invalid");
  assert.equal(codeOf({ query: "?ticket=t&ticket=u" }), "ambiguous-credentials");
  assert.equal(codeOf({ query: `?ticket=${"t".repeat(8_193)}` }), "ticket-invalid");
  assert.equal(codeOf({ query: "?ticket=" }), "ticket ");
});

const WITH_COOKIE = { cookie: `${COOKIE}=d.e.f`, host: "gateway.example" };

/** What a browser sends, and whether the cookie may be used for reading and for writing. */
const ORIGINS: readonly (readonly [name: string, headers: Record<string, string>, read: boolean, write: boolean])[] = [
  ["our own page", { "sec-fetch-site": "same-origin", origin: "https://gateway.example" }, true, true],
  ["our own page without an Origin", { "sec-fetch-site": "same-origin" }, true, true],
  ["typed into the address bar", { "sec-fetch-site": "none" }, true, false],
  ["another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }, false, false],
  ["another site's image", { "sec-fetch-site": "cross-site" }, false, false],
  ["a sibling subdomain", { "sec-fetch-site": "same-site", origin: "https://blog.gateway.example" }, false, false],
  ["a word that no browser sends", { "sec-fetch-site": "Same-Origin" }, false, false],
  ["the allowed app", { "sec-fetch-site": "cross-site", origin: "https://app.example" }, true, true],
  ["the allowed app in an old browser", { origin: "https://app.example" }, true, true],
  ["a longer host", { origin: "https://app.example.evil.example" }, false, false],
  ["the allowed app without TLS", { origin: "http://app.example" }, false, false],
  ["the allowed app on another port", { origin: "https://app.example:8443" }, false, false],
  ["a sandboxed frame", { origin: "null" }, false, false],
  ["a sandboxed frame that says so", { origin: "null", "sec-fetch-site": "cross-site" }, false, false],
  ["another site in an old browser", { origin: "https://evil.example" }, false, false],
  ["our own page in an old browser", { origin: "https://gateway.example" }, true, true],
  ["our own page before a proxy that ends TLS", { origin: "http://gateway.example" }, true, true],
  ["an Origin that is no URL", { origin: "gateway.example" }, false, false],
  ["curl", {}, true, false],
];

Deno.test("findCredential: a cookie is used only for our own pages and allowed origins", async (t) => {
  const rules = { allowedOrigins: new Set(["https://app.example", "null"]) };
  for (const [name, origin, read, write] of ORIGINS) {
    await t.step(name, () => {
      const headers = { ...WITH_COOKIE, ...origin };
      const expected = (allowed: boolean) => allowed ? "token d.e.f" : "cross-site-request";
      assert.equal(codeOf({ headers }, rules), expected(read), "GET");
      assert.equal(codeOf({ headers, method: "POST" }, rules), expected(write), "POST");
      assert.equal(codeOf({ headers, method: "DELETE" }, rules), expected(write), "DELETE");
      // Nobody's page can make a browser send our header.
      assert.equal(
        codeOf({ headers: { ...headers, authorization: "Bearer a.b.c" }, method: "POST" }, rules),
        "token a.b.c",
      );
    });
  }
});
