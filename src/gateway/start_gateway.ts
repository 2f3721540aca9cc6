import { reasonOf } from "../log/reason_of.ts";
import { getLogger } from "@logtape/logtape";
import { type Authenticator, createAuthenticator } from "../access/authenticator.ts";
import type { KeySetReport } from "../access/remote_key_set.ts";
import { ShutOut } from "../access/shut_out.ts";
import { Broadcaster } from "../broadcast/broadcaster.ts";
import type { EventBus } from "../bus/event_bus.ts";
import type { Config } from "../config/schema.ts";
import { corsPolicy } from "../http/cors.ts";
import type { Readiness } from "../http/health_routes.ts";
import { listen, type Listener } from "../http/listen.ts";
import { type Route, router } from "../http/router.ts";
import type { MintDevelopmentToken } from "../http/admin/development_token_route.ts";
import { GatewayMetrics } from "../metrics/gateway_metrics.ts";
import { createPipeline } from "../pipeline/pipeline.ts";
import { attachSources } from "./attach_sources.ts";
import { deadLetterPlaces } from "./dead_letter_place.ts";
import { DeadLetterWriter } from "./dead_letter_writer.ts";
import { Delivery } from "./delivery.ts";
import { openBus } from "./open_bus.ts";
import { OperatorDesk, type OperatorDeskInit } from "./operator_desk.ts";
import { adminRoutes, publicRoutes, type RoutesContext } from "./routes.ts";
import { SourceStates } from "./source_states.ts";
import { startHistory } from "./start_history.ts";
import { startOutbox } from "./start_outbox.ts";

/** A gateway that listens. */
export interface Gateway {
  readonly port: number;
  /** 0 when the admin port is off. */
  readonly adminPort: number;
  /** The bus of a source, for what runs in the same process: the demo. */
  bus(source: string): EventBus | undefined;
  /** Resolves when every source is attached and the journal is warm. */
  readonly ready: Promise<void>;
  /** Rejects when the gateway cannot go on at all; never resolves before it is disposed. */
  readonly failed: Promise<never>;
  /** Resolves when an operator asks for a drain; whoever started the gateway then calls {@link Gateway.drain}. */
  readonly drainAsked: Promise<void>;
  /** Refuses new streams, closes the open ones over the configured window, and ends. Later calls wait for the first. */
  drain(): Promise<void>;
}

const log = getLogger(["tidegate", "gateway"]);

/** What a gateway in development mode has beyond its configuration. */
export interface GatewayOptions {
  /** The command that shows a stream, for the port that was bound; `GET /` shows it, so nothing of it is secret. */
  readonly hint?: (port: number) => string;
  /** Makes the tokens that the console asks for. */
  readonly mint?: MintDevelopmentToken;
}

/**
 * Assembles a gateway and lets it listen. It answers at once; streams are refused softly until all sources are
 * attached and warm.
 *
 * @throws BusError when a bus cannot be opened; Deno.errors.AddrInUse when a port is taken
 */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<Gateway> {
  const { server, streams } = config;
  const stop = new AbortController();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const drainAsked = Promise.withResolvers<void>();
  const metrics = new GatewayMetrics();
  const buses = await openBuses(config);
  const followed = followedBuses(config, buses);
  const states = new SourceStates(followed.map(({ source }) => source));
  const broadcaster = new Broadcaster(streams.flush.maxDelayMs, (deliveries) => metrics.deliveries.inc(deliveries));
  const deadLetters = deadLetterWriter(config, buses, metrics);
  const readiness = (): Readiness => ({ isDraining: delivery.isDraining, sources: states.list() });
  const pipeline = pipelineOf(config);
  const authenticator = authenticatorOf(config);
  const shutOut = new ShutOut(config.auth, authenticator.revocations, Date.now);
  const publicPort = () => publicServer.port;
  const desk = openDesk({
    ...{ config, buses, metrics, pipeline, shutOut, readiness, publicPort },
    streams: () => delivery.attached,
    drain: drainAsked.resolve,
  });
  const history = await startHistory(config, metrics);
  const delivery: Delivery = new Delivery({
    ...{ config, metrics, states, broadcaster, deadLetters, pipeline, history },
    watch: desk?.watch,
    shutOut: (reader) => shutOut.reasonFor(reader),
  });
  const context: RoutesContext = {
    ...{ config, buses, pipeline, delivery, metrics, readiness },
    authenticator,
    operatorRoutes: desk?.routes(options.mint) ?? [],
    hint: () => options.hint?.(publicPort()),
  };
  const publicServer = serveRoutes(publicRoutes(context), server, server.corsOrigins, metrics);
  // No page of another origin has any business with the operator's port.
  const adminServer = server.adminPort === 0
    ? undefined
    : serveRoutes(adminRoutes(context), { host: server.adminHost, port: server.adminPort }, [], metrics);

  const following = attachSources(followed, config.journal.maxEvents, stop.signal)
    .then(async (sources) => sources === undefined ? undefined : await delivery.run(sources, stop.signal))
    .catch((error) => failure.reject(error));
  const outbox = startOutbox(config, buses, pipeline, metrics);
  let draining: Promise<void> | undefined;
  return {
    port: publicServer.port,
    adminPort: adminServer?.port ?? 0,
    bus: (source) => buses.get(source),
    ready: delivery.ready,
    failed: failure.promise,
    drainAsked: drainAsked.promise,
    drain: () => draining ??= end(),
  };

  async function end(): Promise<void> {
    const { windowMs } = config.drain;
    log.info("Draining {count} streams over {windowMs} ms", { count: delivery.streamCount, windowMs });
    // The listener stays until the last stream is gone: a client that comes back meanwhile gets a soft refusal.
    await delivery.drain(windowMs);
    await outbox?.[Symbol.asyncDispose]();
    stop.abort();
    desk?.[Symbol.dispose]();
    await Promise.all([following, publicServer.shutdown(), adminServer?.shutdown()]);
    await history?.[Symbol.asyncDispose]();
    await deadLetters[Symbol.asyncDispose]();
    broadcaster[Symbol.dispose]();
    await Promise.allSettled([...buses.values()].map((bus) => bus[Symbol.asyncDispose]()));
  }
}

/** The dead letters' log is written, not followed: nothing of it may reach a stream. */
function followedBuses({ mappings }: Config, buses: ReadonlyMap<string, EventBus>): readonly EventBus[] {
  return [...buses.values()].filter(({ source }) => source !== mappings.deadLetter.source);
}

/** The operator's desk, where there is an admin token to sit down at it. */
function openDesk(init: Omit<OperatorDeskInit, "token">): OperatorDesk | undefined {
  const { token } = init.config.admin;
  return token === undefined ? undefined : new OperatorDesk({ ...init, token });
}

function deadLetterWriter(
  { mappings }: Config,
  buses: ReadonlyMap<string, EventBus>,
  metrics: GatewayMetrics,
): DeadLetterWriter {
  const bus = buses.get(mappings.deadLetter.source ?? "");
  const unkept = (place: string, count: number) => metrics.deadLettersUnkept.inc({ place }, count);
  return new DeadLetterWriter(deadLetterPlaces(mappings, bus), mappings.deadLetter.maxOriginalBytes, unkept);
}

function authenticatorOf({ auth, server }: Config): Authenticator {
  return createAuthenticator(auth, Date.now, { allowedOrigins: server.corsOrigins, report: logKeySet });
}

function serveRoutes(
  routes: readonly Route[],
  { host, port }: { readonly host: string; readonly port: number },
  corsOrigins: readonly string[],
  metrics: GatewayMetrics,
): Listener {
  const onAnswer = (route: string, status: number) => metrics.requests.inc({ route, status: String(status) });
  return listen(host, port, router(routes, { cors: corsPolicy(corsOrigins), onAnswer }));
}

/** A key set that cannot be fetched is the first thing to know when tokens are refused. */
function logKeySet(report: KeySetReport): void {
  if (report.kind === "failed") {
    log.warn("Cannot fetch the key set {url}: {reason}", { url: report.url, reason: reasonOf(report.error) });
  } else log.debug("Fetched the key set {url}", { url: report.url });
}

async function openBuses(config: Config): Promise<ReadonlyMap<string, EventBus>> {
  const buses = new Map<string, EventBus>();
  for (const [source, settings] of Object.entries(config.sources)) {
    buses.set(source, await openBus(source, settings));
  }
  return buses;
}

function pipelineOf(config: Config) {
  const formats = new Map(Object.entries(config.sources).map(([source, { format }]) => [source, format]));
  return createPipeline({ mappings: config.mappings, formats });
}
