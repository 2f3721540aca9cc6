import { getLogger } from "@logtape/logtape";
import type { Revocation, Revocations, RevocationTarget } from "../../access/revocations.ts";
import { problem } from "../problem.ts";
import { readJSONBody } from "../read_json_body.ts";
import type { Route, RouteRequest } from "../router.ts";
import { readShutOutWish, type ShutOutKind } from "./shut_out_wish.ts";

/** What shutting out works with. */
export interface ShutOutContext {
  readonly revocations: Revocations;
  readonly bans: Revocations;
  /** How long a revocation holds that says nothing of it, in milliseconds: as long as any token that is out may live. */
  readonly defaultRevocationMs: number;
  /** Closes the streams of those who are shut out by now; gives how many. */
  closeStreams(): number;
}

const log = getLogger(["tidegate", "admin"]);

const MAX_BODY_BYTES = 16 * 1024;
/** Entries of one answer; there may be a hundred thousand. */
const MAX_LISTED = 1_000;
const KINDS: readonly ShutOutKind[] = ["subject", "token", "session"];

/** `GET`, `POST /admin/v1/revocations`, `DELETE …/{kind}/{id}`; the same of bans, which are of subjects alone. */
export function shutOutRoutes(context: ShutOutContext): readonly Route[] {
  const { revocations, bans, defaultRevocationMs } = context;
  return [
    {
      path: "/admin/v1/revocations",
      methods: {
        GET: () => list(revocations),
        POST: (request) => add(context, revocations, request, KINDS, defaultRevocationMs),
      },
    },
    {
      path: "/admin/v1/revocations/{kind}/{id}",
      methods: {
        DELETE: (request) => {
          const kind = KINDS.find((each) => each === request.parameters.kind);
          return kind === undefined ? noSuchEntry() : remove(revocations, kind, request);
        },
      },
    },
    {
      path: "/admin/v1/bans",
      methods: { GET: () => list(bans), POST: (request) => add(context, bans, request, ["subject"], undefined) },
    },
    { path: "/admin/v1/bans/{id}", methods: { DELETE: (request) => remove(bans, "subject", request) } },
  ];
}

async function add(
  context: ShutOutContext,
  held: Revocations,
  { request }: RouteRequest,
  kinds: readonly ShutOutKind[],
  defaultMs: number | undefined,
): Promise<Response> {
  const body = await readJSONBody(request, MAX_BODY_BYTES);
  if (body.kind === "refused") return problem(body.code, body.detail);
  const wish = readShutOutWish(body.value, kinds, defaultMs, Date.now());
  if (typeof wish === "string") return problem("invalid-request", wish);
  if (held.revoke(wish.target, wish.terms).kind === "full") {
    return problem("unavailable", "As many are shut out as auth.maxRevocations allows; none is forgotten to make room");
  }
  const closed = context.closeStreams();
  log.info("An operator {verb} {kind} {id} until {until}; {closed} streams closed", {
    ...viewOf(wish),
    verb: held === context.bans ? "banned" : "revoked",
    closed,
  });
  return Response.json({ ...viewOf(wish), closed }, { status: 201 });
}

function list(held: Revocations): Response {
  const entries = [...held.list()];
  return Response.json({ entries: entries.slice(0, MAX_LISTED).map(viewOf), count: entries.length });
}

function remove(held: Revocations, kind: ShutOutKind, { parameters, url }: RouteRequest): Response {
  const issuer = url.searchParams.get("issuer");
  const target: RevocationTarget = { kind, id: parameters.id ?? "", ...(issuer === null ? {} : { issuer }) };
  if (!held.restore(target)) return noSuchEntry();
  log.info("An operator let {kind} {id} in again", { kind, id: target.id });
  return new Response(null, { status: 204 });
}

function noSuchEntry(): Response {
  return problem("not-found", "Nobody is shut out so; the kind, the id and the issuer must be those that were given");
}

function viewOf({ target, terms: { untilMs, issuedBeforeMs } }: Revocation) {
  return {
    kind: target.kind,
    id: target.id,
    issuer: target.issuer ?? null,
    until: new Date(untilMs).toISOString(),
    issuedBefore: issuedBeforeMs === undefined ? null : new Date(issuedBeforeMs).toISOString(),
  };
}
