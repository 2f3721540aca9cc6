import { randomBytes } from "node:crypto";
import { type AuthConfig, type IssuerConfig, issuerSchema } from "../config/auth_schema.ts";

/** The `iss` of tokens that only a gateway in development mode accepts. */
export const DEVELOPMENT_ISSUER = "tidegate-development";

/** Variable that keeps the development secret the same over restarts and for `token mint`. */
export const DEVELOPMENT_SECRET_VARIABLE = "TIDEGATE_DEVELOPMENT_SECRET";

/** Kinds of which a development token may hold the wildcard. */
const KINDS = ["user", "novel", "session", "task"] as const;

/** A fresh secret, for a gateway in development mode that was given none. */
export function randomDevelopmentSecret(): string {
  return randomBytes(48).toString("base64url");
}

/**
 * An issuer whose tokens may say everything: any scope in `grants`, any kind's wildcard in `kinds`, publishing
 * everywhere. Never for production: whoever has the secret is everybody.
 *
 * @throws Error when the secret is shorter than 32 bytes or no secret at all
 */
export function developmentIssuer(secret: string): IssuerConfig {
  const parsed = issuerSchema.safeParse({
    issuer: DEVELOPMENT_ISSUER,
    secret,
    grants: [
      "global",
      "user:{sub}",
      "session:{sid}",
      "{grants[]}",
      ...KINDS.map((kind) => ({ grant: `${kind}:*`, when: { claim: "kinds[]", is: kind } })),
    ],
    publish: ["*"],
  });
  if (parsed.success) return parsed.data;
  const reasons = parsed.error.issues.map(({ message }) => message).join("; ");
  throw new Error(
    `Cannot use the development secret: it ${reasons}. Unset ${DEVELOPMENT_SECRET_VARIABLE} for a random one`,
  );
}

/** The configuration with the development issuer beside the configured ones. */
export function withDevelopmentIssuer(config: AuthConfig, secret: string): AuthConfig {
  return { ...config, issuers: [...config.issuers, developmentIssuer(secret)] };
}
