import type { AuthConfig } from "../config/auth_schema.ts";
import type { Scope } from "../model/scope.ts";
import { type CarrierRules, type CredentialRequest, findCredential } from "./credential.ts";
import type { Principal } from "./principal.ts";
import { type Refusal, refusal } from "./refusal.ts";
import type { RemoteKeySetOptions } from "./remote_key_set.ts";
import { Revocations } from "./revocations.ts";
import { type IssuedTicket, Tickets } from "./tickets.ts";
import { createTokenVerifier } from "./token_verifier.ts";
import { VerifiedTokens } from "./verified_tokens.ts";

/** Tells who a request speaks for. One for the whole process. */
export interface Authenticator {
  /**
   * The principal of a request's credential. For a token that was verified lately it settles without waiting for
   * anything. Never rejects for what a client can send.
   */
  authenticate(request: CredentialRequest): Promise<AuthOutcome>;
  /** As {@link authenticate} for a token by itself, such as one that renews an open stream's. */
  verify(token: string): Promise<AuthOutcome>;
  /** Makes a one-time ticket; see {@link Tickets}. */
  issueTicket(principal: Principal, scopes?: readonly Scope[]): Promise<IssuedTicket | Refusal>;
  /** Shared with the owner of the open streams, who asks it again after every revocation. */
  readonly revocations: Revocations;
}

/** What comes of a credential. */
export type AuthOutcome = { readonly kind: "principal"; readonly principal: Principal } | Refusal;

/** What the authenticator needs beyond its section of the configuration. */
export interface AuthenticatorOptions extends RemoteKeySetOptions {
  /** Origins, besides our own, whose pages may use the cookie; as configured for CORS. Default none. */
  readonly allowedOrigins?: readonly string[];
}

/**
 * Makes the authenticator. Fetches nothing before the first token that needs it.
 *
 * @param now milliseconds since 1970
 */
export function createAuthenticator(
  config: AuthConfig,
  now: () => number,
  options: AuthenticatorOptions = {},
): Authenticator {
  const verifyToken = createTokenVerifier(config, now, options);
  const verified = new VerifiedTokens(config.maxVerifiedTokens);
  const revocations = new Revocations(config.maxRevocations, now);
  const tickets = new Tickets(config, now);
  const carriers: CarrierRules = {
    cookieName: config.cookie?.name,
    allowTokenInUrl: config.insecure.allowTokenInUrl,
    allowedOrigins: new Set(options.allowedOrigins),
  };

  function admit(principal: Principal): AuthOutcome {
    if (now() >= principal.expiresAtMs) return refusal("token-expired");
    return revocations.isRevoked(principal) ? refusal("token-revoked") : { kind: "principal", principal };
  }

  async function verify(token: string): Promise<AuthOutcome> {
    const known = verified.find(token, now());
    if (known !== undefined) return admit(known);
    const outcome = await verifyToken(token);
    if (outcome.kind === "refused") return outcome;
    verified.remember(token, outcome.principal, now());
    return admit(outcome.principal);
  }

  async function redeem(ticket: string): Promise<AuthOutcome> {
    const outcome = await tickets.redeem(ticket);
    return "kind" in outcome ? outcome : admit(outcome);
  }

  return {
    async authenticate(request) {
      const credential = findCredential(request, carriers);
      switch (credential.kind) {
        case "refused":
          return credential;
        case "token":
          return await verify(credential.text);
        case "ticket":
          return await redeem(credential.text);
      }
    },
    verify,
    issueTicket: (principal, scopes) => tickets.issue(principal, scopes),
    revocations,
  };
}
