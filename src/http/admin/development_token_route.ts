import { type Grant, parseGrant } from "../../model/scope.ts";
import { problem } from "../problem.ts";
import { readJSONBody } from "../read_json_body.ts";
import type { Route } from "../router.ts";

/** What a development token shall say. */
export interface DevelopmentTokenWish {
  readonly subject: string;
  readonly grants: readonly Grant[];
  readonly mayPublish: boolean;
}

/** Signs a token; the text of it, or why there is none. */
export type MintDevelopmentToken = (
  wish: DevelopmentTokenWish,
) => Promise<{ readonly kind: "token"; readonly text: string } | { readonly kind: "refused"; readonly detail: string }>;

const MAX_BODY_BYTES = 16 * 1024;
const MAX_GRANTS = 100;
/** As the verifier has it: visible text of at most 255 characters. */
const SUBJECT = /^[^\p{C}]{1,255}$/u;

/** `POST /admin/v1/tokens`, in development mode alone: a token for anybody, for the console's "Connect as". */
export function developmentTokenRoute(mint: MintDevelopmentToken): Route {
  return {
    path: "/admin/v1/tokens",
    methods: {
      POST: async ({ request }) => {
        const body = await readJSONBody(request, MAX_BODY_BYTES);
        if (body.kind === "refused") return problem(body.code, body.detail);
        const wish = wishOf(body.value);
        if (typeof wish === "string") return problem("invalid-request", wish);
        const minted = await mint(wish);
        return minted.kind === "token"
          ? Response.json({ token: minted.text }, { status: 201 })
          : problem("invalid-request", minted.detail);
      },
    },
  };
}

function wishOf(value: unknown): DevelopmentTokenWish | string {
  if (typeof value !== "object" || value === null) return "Send an object with `subject`, `grants`, `publish`";
  // Every member is checked below.
  const { subject, grants = [], publish = false } = value as Readonly<Record<string, unknown>>;
  if (typeof subject !== "string" || !SUBJECT.test(subject)) return "`subject` must be visible text";
  if (!Array.isArray(grants) || grants.length > MAX_GRANTS) return `\`grants\` must be at most ${MAX_GRANTS} texts`;
  const read = grants.map((text) => typeof text === "string" ? parseGrant(text) : undefined);
  const known = read.filter((grant) => grant !== undefined);
  if (known.length < read.length) return "`grants` must be scopes, such as novel:7, or kinds, such as novel:*";
  return { subject, grants: known, mayPublish: publish === true };
}
