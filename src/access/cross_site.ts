/** What a cookie's request says about where it comes from. */
export interface RequestOrigin {
  readonly method: string;
  readonly headers: Headers;
}

/**
 * Whether a browser sent this request from another site, in the name of a user who did not mean it. Only cookies
 * need the question: nobody's page can make a browser add somebody else's `Authorization` header.
 *
 * Browsers say it themselves (W3C Fetch Metadata, `Sec-Fetch-Site`), older ones and plain http by `Origin` (RFC 6454).
 * A page of a sibling subdomain counts as another site unless its origin is allowed by its exact text.
 */
export function isCrossSite({ method, headers }: RequestOrigin, allowedOrigins: ReadonlySet<string>): boolean {
  const origin = headers.get("origin");
  // "null" is every sandboxed frame and every file on anybody's disk.
  if (origin !== null && origin !== "null" && allowedOrigins.has(origin)) return false;
  const isRead = method === "GET" || method === "HEAD";
  switch (headers.get("sec-fetch-site")) {
    case "same-origin":
      return false;
    case "none":
      // Typed, or opened from a bookmark; no page can do that with another method.
      return !isRead;
    case null:
      // Every browser sends `Origin` with a POST; what sends neither is no browser, or tries to pass for none.
      return origin === null ? !isRead : !isOwnOrigin(origin, headers.get("host"));
    default:
      return true;
  }
}

/** The scheme is left out of the comparison: behind a proxy that ends TLS only the browser knows it. */
function isOwnOrigin(origin: string, host: string | null): boolean {
  return host !== null && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
