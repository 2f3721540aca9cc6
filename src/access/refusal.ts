import { ERROR_CODES, type ErrorCode } from "../model/error_code.ts";

/** Why a credential does not open the door. `detail` tells its holder what to do and repeats nothing of the input. */
export interface Refusal {
  readonly kind: "refused";
  readonly code: ErrorCode;
  /** The code's own status: 400, 401, 403 or 503. */
  readonly status: number;
  readonly detail: string;
}

/** A refusal by its code; without a detail, the code's own text. */
export function refusal(code: ErrorCode, detail: string = ERROR_CODES[code].text): Refusal {
  return { kind: "refused", code, status: ERROR_CODES[code].status, detail };
}
