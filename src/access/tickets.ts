import { EncryptJWT, jwtDecrypt } from "jose";
import { hkdfSync, randomBytes } from "node:crypto";
import type { AuthConfig } from "../config/auth_schema.ts";
import { grantsAllow, parseGrant, type Scope } from "../model/scope.ts";
import { isCanonicalBase64url } from "./canonical_base64url.ts";
import { NO_PUBLISH_TARGETS, type Principal } from "./principal.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** A ticket that was made. */
export interface IssuedTicket {
  readonly kind: "ticket";
  /** Goes into `?ticket=`; the characters A-Z a-z 0-9 - _ and dots. */
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Longest ticket in characters: half of what nginx takes as a request line by default. */
export const MAX_TICKET_LENGTH = 4_096;

/** A search of the used tickets takes about a millisecond; a flood must not pay for it with every ticket. */
const SEARCH_INTERVAL_MS = 1_000;

const TYPE = "tidegate-ticket";
const ENCRYPTION = { alg: "dir", enc: "A256GCM", typ: TYPE } as const;

/**
 * One-time tickets for clients that can send neither header nor cookie.
 *
 * A ticket holds its principal, encrypted (JWE, A256GCM): nothing is stored until it is used, any node with the same
 * secret takes it, and a log that keeps the URL learns nobody's name. Each node lets it in once; a node does not
 * know what another has let in, so in its 30 s a stolen ticket works once on every other node. It carries reading
 * rights only, keeps its token's `exp`, and falls with its token when that is revoked.
 */
export class Tickets {
  readonly #config: AuthConfig["tickets"];
  readonly #key: Uint8Array;
  readonly #now: () => number;
  /** Identifier of a used ticket → when it expires, in order of use. Bounded by `maxRedeemed`. */
  readonly #redeemed = new Map<string, number>();
  /** Before this moment a full memory is not searched again for what has expired. */
  #nextSearchMs = 0;

  constructor(config: AuthConfig, now: () => number) {
    this.#config = config.tickets;
    this.#key = ticketKey(config);
    this.#now = now;
  }

  /** Makes a ticket for the principal, for all it may read or only for these scopes, each of which it must hold. */
  async issue(principal: Principal, scopes?: readonly Scope[]): Promise<IssuedTicket | Refusal> {
    const missing = scopes?.find((scope) => !grantsAllow(principal.grants, scope));
    if (missing !== undefined) {
      return refusal("scope-not-granted", `The token does not grant ${JSON.stringify(missing)}.`);
    }
    const expiresAtMs = Math.min(this.#now() + this.#config.lifetimeMs, principal.expiresAtMs);
    const text = await new EncryptJWT({
      id: randomBytes(32).toString("base64url"),
      until: expiresAtMs,
      iss: principal.issuer,
      sub: principal.subject,
      grants: scopes ?? [...principal.grants],
      expiresAtMs: principal.expiresAtMs,
      issuedAtMs: principal.issuedAtMs,
      tokenId: principal.tokenId,
      sessionId: principal.sessionId,
    }).setProtectedHeader(ENCRYPTION).encrypt(this.#key);
    return text.length > MAX_TICKET_LENGTH
      ? refusal("too-many-grants", "The ticket would not fit into a URL. Name the few scopes that the stream needs.")
      : { kind: "ticket", text, expiresAtMs };
  }

  /** Takes a ticket: the first time here and in time, its principal. */
  async redeem(text: string): Promise<Principal | Refusal> {
    if (text.length > MAX_TICKET_LENGTH) return refusal("ticket-invalid");
    if (!text.split(".").every(isCanonicalBase64url)) return refusal("ticket-invalid");
    const decrypted = await jwtDecrypt(text, this.#key, {
      keyManagementAlgorithms: [ENCRYPTION.alg],
      contentEncryptionAlgorithms: [ENCRYPTION.enc],
      typ: TYPE,
    }).catch(() => undefined);
    if (decrypted === undefined) return refusal("ticket-invalid");
    // Only we can have encrypted it, so it has the shape that `issue` gave it; another version's is refused here.
    const ticket = readTicket(decrypted.payload);
    return ticket === undefined ? refusal("ticket-invalid") : this.#claim(ticket) ?? ticket.principal;
  }

  /** Synchronous, so that of two requests with one ticket exactly one gets in. */
  #claim({ id, untilMs }: Ticket): Refusal | undefined {
    const nowMs = this.#now();
    if (nowMs >= untilMs) return refusal("ticket-invalid", "The ticket has expired.");
    if (this.#redeemed.has(id)) return refusal("ticket-invalid", "The ticket was already used.");
    if (this.#redeemed.size >= this.#config.maxRedeemed) this.#forgetExpired(nowMs);
    if (this.#redeemed.size >= this.#config.maxRedeemed) return refusal("unavailable");
    this.#redeemed.set(id, untilMs);
    return undefined;
  }

  #forgetExpired(nowMs: number): void {
    if (nowMs < this.#nextSearchMs) return;
    this.#nextSearchMs = nowMs + SEARCH_INTERVAL_MS;
    for (const [id, untilMs] of this.#redeemed) if (nowMs >= untilMs) this.#redeemed.delete(id);
  }
}

interface Ticket {
  readonly id: string;
  readonly untilMs: number;
  readonly principal: Principal;
}

function readTicket(payload: Readonly<Record<string, unknown>>): Ticket | undefined {
  const { id, until, iss, sub, expiresAtMs, issuedAtMs, tokenId, sessionId } = payload;
  const texts = Array.isArray(payload.grants) ? payload.grants : [];
  const grants = texts.map((text) => typeof text === "string" ? parseGrant(text) : undefined)
    .filter((grant) => grant !== undefined);
  if (typeof id !== "string" || typeof until !== "number" || typeof expiresAtMs !== "number") return undefined;
  if (typeof iss !== "string" || typeof sub !== "string") return undefined;
  return {
    id,
    untilMs: until,
    principal: {
      issuer: iss,
      subject: sub,
      grants: new Set(grants),
      permissions: new Set(),
      publishTargets: NO_PUBLISH_TARGETS,
      expiresAtMs,
      ...(typeof issuedAtMs === "number" ? { issuedAtMs } : {}),
      ...(typeof tokenId === "string" ? { tokenId } : {}),
      ...(typeof sessionId === "string" ? { sessionId } : {}),
    },
  };
}

/** A key of its own (RFC 5869), so that a secret which signs tokens is never itself used to encrypt. */
function ticketKey({ tickets, issuers }: AuthConfig): Uint8Array {
  const shared = tickets.secret ??
    issuers.flatMap(({ keys }) => keys).find((key) => key.kind === "secret")?.secret;
  return shared === undefined
    ? randomBytes(32)
    : new Uint8Array(hkdfSync("sha256", shared, "", "tidegate ticket 1", 32));
}
