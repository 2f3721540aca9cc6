import type { AuthConfig } from "../config/auth_schema.ts";
import type { CloseReason } from "../model/close_reason.ts";
import { type Revocable, Revocations } from "./revocations.ts";

/**
 * Who may have no stream, whatever their token says. A revoked one's token is worth nothing any more, anywhere; a banned one
 * keeps it, and is refused streams for a while.
 */
export class ShutOut {
  readonly revocations: Revocations;
  readonly bans: Revocations;

  constructor(config: Pick<AuthConfig, "maxRevocations">, revocations: Revocations, now: () => number) {
    this.revocations = revocations;
    this.bans = new Revocations(config.maxRevocations, now);
  }

  /** Why the principal's streams are closed and refused; `undefined` when they are not. */
  reasonFor(principal: Revocable): CloseReason | undefined {
    if (this.revocations.isRevoked(principal)) return "revoked";
    return this.bans.isRevoked(principal) ? "banned" : undefined;
  }
}
