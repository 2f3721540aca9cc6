import type { ErrorCode } from "../../model/error_code.ts";
import type { ADMIN_BODIES } from "./admin_schemas.ts";
import type { BODIES } from "./schemas.ts";

/** The name of a body, under which the description has it. */
export type BodyName = keyof typeof BODIES | keyof typeof ADMIN_BODIES;

/** A parameter in a query, a path or a header. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** One method of one route, for those who call it. */
export interface Operation {
  readonly method: "GET" | "POST" | "DELETE";
  /** A segment `{name}` stands for any of the route's, or for several routes. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description: string;
  /** Who may ask: `open` for everybody, `admin` for the operator. Default: whoever has a credential. */
  readonly access?: "open" | "admin";
  readonly parameters?: readonly Parameter[];
  readonly body?: BodyName;
  /** Whether the request may have an array of its bodies. */
  readonly isBatch?: boolean;
  readonly answer: {
    readonly status: number;
    readonly description: string;
    /** Default: JSON, where there is a body. Without either the answer is empty. */
    readonly mediaTypes?: readonly string[];
    readonly body?: BodyName;
  };
  /** Further statuses that are no refusal, and what they mean; with the answer's body, or empty. */
  readonly others?: Readonly<Record<number, { readonly description: string; readonly hasBody: boolean }>>;
  /** Refusals beyond those of the credential. */
  readonly problems: readonly ErrorCode[];
}
