import { reasonOf } from "../log/reason_of.ts";
import { getLogger } from "@logtape/logtape";
import type { Authenticator } from "../access/authenticator.ts";
import { type Principal, principalKey } from "../access/principal.ts";
import { BusError, type EventBus, type PublishRecord } from "../bus/event_bus.ts";
import { bodyDigest, type IdempotencyWindow, isIdempotencyKey } from "../guard/idempotency_window.ts";
import type { RateLimiter } from "../guard/rate_limiter.ts";
import { formatPosition } from "../model/position.ts";
import { problem } from "./problem.ts";
import { type PublishRules, readPublishedEvents } from "./published_event.ts";
import { readJSONBody } from "./read_json_body.ts";
import type { Route, RouteRequest } from "./router.ts";

/** What `POST /api/v1/events` works with. */
export interface PublishRouteContext {
  readonly authenticator: Authenticator;
  /** The bus that takes published events; `undefined` where publishing is off. */
  readonly bus: EventBus | undefined;
  readonly idempotency: IdempotencyWindow<readonly string[]>;
  readonly maxRequestBytes: number;
  readonly rules: PublishRules;
  /** How many events one principal may publish. */
  readonly rate: RateLimiter;
  readonly onPublished: (count: number) => void;
}

const log = getLogger(["tidegate", "http", "publish"]);

/** `POST /api/v1/events`: 201 with the events' ids, only after the bus took all of them. */
export function publishRoute(context: PublishRouteContext): Route {
  return { path: "/api/v1/events", methods: { POST: (request) => publish(context, request) } };
}

async function publish(context: PublishRouteContext, { request, url }: RouteRequest): Promise<Response> {
  const { authenticator, bus, idempotency } = context;
  const outcome = await authenticator.authenticate({ method: "POST", headers: request.headers, url });
  if (outcome.kind === "refused") return problem(outcome.code, outcome.detail);
  const { principal } = outcome;
  if (!principal.permissions.has("events:publish")) {
    return problem("publish-not-granted", "The token lacks events:publish");
  }
  if (bus === undefined) return problem("not-found", "No source takes published events; set publish.source");
  const key = request.headers.get("idempotency-key");
  if (key !== null && !isIdempotencyKey(key)) {
    return problem("invalid-idempotency-key", "Send 1 to 128 visible ASCII characters");
  }
  // One event is taken before the body is read: a storm of what is refused anyway must not cost the reading.
  const hasty = refusalOfHaste(context, principal, 1);
  if (hasty !== undefined) return hasty;
  const body = await readJSONBody(request, context.maxRequestBytes);
  if (body.kind === "refused") return problem(body.code, body.detail);
  const read = readPublishedEvents(body.value, principal, context.rules, new Date().toISOString());
  if (read.kind === "refused") return problem(read.code, read.detail);
  const tooMany = refusalOfHaste(context, principal, read.records.length - 1);
  if (tooMany !== undefined) return tooMany;
  try {
    if (key === null) return created(bus, await append(context, bus, read.records));
    const owner = { issuer: principal.issuer, subject: principal.subject };
    const once = await idempotency.run(owner, key, bodyDigest(body.bytes), () => append(context, bus, read.records));
    if (once.kind === "done") return created(bus, once.result);
    return once.kind === "conflict"
      ? problem("idempotency-conflict", "This Idempotency-Key came with another body before")
      : problem("unavailable", "Too many requests with an Idempotency-Key are under way", { "retry-after": "1" });
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
    log.warn("Cannot publish to {source}: {reason}", { source: bus.source, reason: reasonOf(error) });
    const detail = error.mayHaveBeenWritten
      ? "The source did not confirm the events; they may have been written"
      : "The source did not take the events; nothing was written";
    return problem("source-unavailable", detail, { "retry-after": "1" });
  }
}

function refusalOfHaste(
  { rate }: PublishRouteContext,
  principal: Principal,
  eventCount: number,
): Response | undefined {
  const verdict = rate.take(principalKey(principal), eventCount);
  if (verdict.kind === "allowed") return undefined;
  return problem("too-many-requests", "This principal publishes faster than publish.rate allows", {
    "retry-after": String(Math.ceil(verdict.retryAfterMs / 1_000)),
  });
}

async function append(
  context: PublishRouteContext,
  bus: EventBus,
  records: readonly PublishRecord[],
): Promise<readonly string[]> {
  const positions = await bus.publish(records);
  context.onPublished(positions.length);
  return positions.map((position) => formatPosition({ source: bus.source, ...position }, bus.offsetFormat));
}

function created(bus: EventBus, ids: readonly string[]): Response {
  return Response.json({ ids, durability: bus.durability }, { status: 201 });
}
