import { MAX_TOKEN_LENGTH } from "./compact_token.ts";
import { isCrossSite } from "./cross_site.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** The parts of a request that can carry a credential; a `Request` with its parsed URL. */
export interface CredentialRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
}

/** What came, and by which carrier; not verified. */
export type Credential =
  | { readonly kind: "token"; readonly text: string }
  | { readonly kind: "ticket"; readonly text: string };

/** Which carriers are open. */
export interface CarrierRules {
  readonly cookieName: string | undefined;
  readonly allowTokenInUrl: boolean;
  /** Origins, besides our own, whose pages may use the cookie. */
  readonly allowedOrigins: ReadonlySet<string>;
}

/** Names under which people put a JWT into a URL. */
const TOKEN_PARAMETERS = ["access_token", "token", "jwt", "id_token", "auth_token", "authorization", "bearer"] as const;
const BEARER = /^bearer +([\x21-\x7e]+) *$/i;

/**
 * Finds the request's credential: `Authorization`, else the cookie, else the ticket. The first that is there decides;
 * one that is malformed is refused, never passed over for a weaker one. A JWT in the URL is refused even beside a
 * good header, because by then every proxy on the way has logged it.
 */
export function findCredential(request: CredentialRequest, rules: CarrierRules): Credential | Refusal {
  const { url, headers } = request;
  const urlToken = findUrlToken(url.searchParams);
  if (urlToken !== undefined && !rules.allowTokenInUrl) return refusal("token-in-url");
  const authorization = headers.get("authorization");
  if (authorization !== null) return fromHeader(authorization);
  const cookies = rules.cookieName === undefined ? [] : cookieValues(headers.get("cookie"), rules.cookieName);
  if (cookies.length > 0) return fromCookie(cookies, request, rules.allowedOrigins);
  const tickets = url.searchParams.getAll("ticket");
  if (tickets.length > 0) return fromTicket(tickets, request.method);
  return urlToken === undefined ? refusal("token-missing") : tokenOf(urlToken);
}

function fromHeader(authorization: string): Credential | Refusal {
  const text = BEARER.exec(authorization)?.[1];
  return text === undefined
    ? refusal("token-malformed", "`Authorization` must be `Bearer` and one JWT.")
    : tokenOf(text);
}

function fromCookie(
  values: readonly string[],
  request: CredentialRequest,
  allowedOrigins: ReadonlySet<string>,
): Credential | Refusal {
  const [text = ""] = values;
  // Two of one name come when another subdomain plants its own beside ours; which is which cannot be told.
  if (values.length > 1) {
    return refusal("ambiguous-credentials", "The cookie that carries the token came more than once.");
  }
  return isCrossSite(request, allowedOrigins) ? refusal("cross-site-request") : tokenOf(text);
}

function fromTicket(tickets: readonly string[], method: string): Credential | Refusal {
  const [text = ""] = tickets;
  if (tickets.length > 1) return refusal("ambiguous-credentials", "`ticket` came more than once.");
  if (method !== "GET" && method !== "HEAD") return refusal("ticket-invalid", "A ticket can only open a stream.");
  return text.length > MAX_TOKEN_LENGTH ? refusal("ticket-invalid") : { kind: "ticket", text };
}

function tokenOf(text: string): Credential | Refusal {
  return text === "" || text.length > MAX_TOKEN_LENGTH ? refusal("token-malformed") : { kind: "token", text };
}

/** A parameter that is meant to be a token by its name, or plainly is one by its form. */
function findUrlToken(parameters: URLSearchParams): string | undefined {
  for (const name of TOKEN_PARAMETERS) {
    const value = parameters.get(name);
    if (value !== null) return value;
  }
  const ticket = parameters.get("ticket");
  return ticket !== null && ticket.startsWith("eyJ") && ticket.split(".").length === 3 ? ticket : undefined;
}

/** RFC 6265, 4.2.1. Values are taken as they are; a JWT needs no quotes. */
function cookieValues(header: string | null, name: string): readonly string[] {
  if (header === null) return [];
  return header.split(";").flatMap((pair) => {
    const equals = pair.indexOf("=");
    return equals > 0 && pair.slice(0, equals).trim() === name ? [pair.slice(equals + 1).trim()] : [];
  });
}
