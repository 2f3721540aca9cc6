import { AdminAccess } from "../access/admin_access.ts";
import type { ShutOut } from "../access/shut_out.ts";
import { ConnectionDirectory } from "../admin/connection_directory.ts";
import { EventTail } from "../admin/event_tail.ts";
import { Explainer } from "../admin/explainer.ts";
import { NodeSamples, type Rates } from "../admin/node_samples.ts";
import type { NodeStatus } from "../admin/node_status.ts";
import { SourceLags } from "../admin/source_lags.ts";
import type { EventBus } from "../bus/event_bus.ts";
import type { Config } from "../config/schema.ts";
import { connectionRoutes } from "../http/admin/connection_routes.ts";
import { developmentTokenRoute, type MintDevelopmentToken } from "../http/admin/development_token_route.ts";
import { drainRoute } from "../http/admin/drain_route.ts";
import { explainRoute } from "../http/admin/explain_route.ts";
import { operatorOnly } from "../http/admin/operator_only.ts";
import { shutOutRoutes } from "../http/admin/shut_out_routes.ts";
import { statusRoutes } from "../http/admin/status_routes.ts";
import { tailRoute } from "../http/admin/tail_route.ts";
import { consoleRoutes } from "../http/console_routes.ts";
import type { Readiness } from "../http/health_routes.ts";
import type { Route } from "../http/router.ts";
import { recentProblems } from "../log/recent_problems.ts";
import type { GatewayMetrics } from "../metrics/gateway_metrics.ts";
import { formatPosition } from "../model/position.ts";
import { SERVER_VERSION } from "../model/server_version.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { StreamContext } from "../stream/open_stream.ts";
import type { DeliveryWatch } from "./delivery.ts";

/** Where no limit of a token's life is configured: a day outlives what is meant to be short. */
const DEFAULT_REVOCATION_MS = 24 * 60 * 60 * 1_000;

/** What the desk looks at. */
export interface OperatorDeskInit {
  readonly config: Config;
  readonly buses: ReadonlyMap<string, EventBus>;
  readonly metrics: GatewayMetrics;
  readonly readiness: () => Readiness;
  /** `undefined` until the sources are attached. */
  readonly streams: () => StreamContext | undefined;
  readonly pipeline: Pipeline;
  readonly shutOut: ShutOut;
  /** Begins what SIGTERM begins. */
  readonly drain: () => void;
  readonly publicPort: () => number;
  readonly token: string;
}

/** Where the operator sits: everything behind /admin/v1, and what it has to see of the way from the buses to the streams. */
export class OperatorDesk implements Disposable {
  readonly #init: OperatorDeskInit;
  readonly #startedAt = new Date().toISOString();
  readonly #directory: ConnectionDirectory;
  readonly #tail = new EventTail();
  readonly #samples: NodeSamples;
  readonly #lags: SourceLags;

  constructor(init: OperatorDeskInit) {
    this.#init = init;
    this.#directory = new ConnectionDirectory(() => {
      const streams = init.streams();
      return streams === undefined
        ? undefined
        : { manager: streams.manager, positions: streams.replay.journal.positions };
    });
    this.#lags = new SourceLags(init.buses, () => init.streams()?.replay.journal.positions);
    this.#samples = new NodeSamples(async () => ({ streams: this.#openStreams(), totals: await this.#totals() }));
  }

  /** What {@link DeliveryWatch} tells goes to the tails and the list of ended streams. */
  readonly watch: DeliveryWatch = {
    broadcast: ({ source, offsetFormat: format }, frames) => this.#tail.publish({ source, format }, frames),
    deadLetter: ({ source, offsetFormat }, partition, offset, reason, detail) =>
      this.#tail.tell({
        kind: "dead-letter",
        identity: formatPosition({ source, partition, offset }, offsetFormat),
        reason,
        detail,
      }),
    sourceChanged: (source, state) => this.#tail.tell({ kind: "source", source, state }),
    ended: (connection, reason) => this.#directory.noteEnd(connection, reason),
  };

  /** The console, and every route of /admin/v1 behind the token. */
  routes(mint: MintDevelopmentToken | undefined): readonly Route[] {
    return [
      ...consoleRoutes(),
      ...operatorOnly(new AdminAccess(this.#init.token), [
        ...connectionRoutes(this.#directory),
        ...statusRoutes({ samples: this.#samples, status: () => this.#status() }),
        tailRoute(this.#tail),
        explainRoute(this.#explainer()),
        ...this.#shutOutRoutes(),
        drainRoute(this.#init.config.drain.windowMs, this.#init.drain),
        ...(mint === undefined ? [] : [developmentTokenRoute(mint)]),
      ]),
    ];
  }

  /** Ends the tails, which would keep the listener open for ever. */
  [Symbol.dispose](): void {
    this.#tail[Symbol.dispose]();
    this.#samples[Symbol.dispose]();
  }

  #explainer(): Explainer {
    const { buses, pipeline, config: { mappings, streams: { maxFrameBytes } }, streams } = this.#init;
    return new Explainer({
      ...{ buses, pipeline, maxFrameBytes, rules: mappings.rules, directory: this.#directory },
      shutOut: this.#init.shutOut,
      journal: () => streams()?.replay.journal,
    });
  }

  #shutOutRoutes(): readonly Route[] {
    const { config: { auth }, shutOut: { revocations, bans }, streams } = this.#init;
    return shutOutRoutes({
      revocations,
      bans,
      defaultRevocationMs: auth.maxTokenLifetimeMs ?? DEFAULT_REVOCATION_MS,
      closeStreams: () => streams()?.manager.closeShutOut() ?? 0,
    });
  }

  #openStreams(): number {
    return this.#init.streams()?.manager.count ?? 0;
  }

  /** As far as the node itself knows: a proxy in front has a better name. */
  #publicUrl(): string {
    const { config: { server: { host } }, publicPort } = this.#init;
    const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
    return `http://${name.includes(":") ? `[${name}]` : name}:${publicPort()}`;
  }

  async #totals(): Promise<Rates> {
    const { metrics } = this.#init;
    const [records, deliveries, dropped, deadLetters, shed, published] = await Promise.all([
      metrics.sum(metrics.records),
      metrics.sum(metrics.deliveries),
      metrics.sum(metrics.recordsDropped),
      metrics.sum(metrics.deadLetters),
      metrics.sum(metrics.framesShed),
      metrics.sum(metrics.published),
    ]);
    return { records, deliveries, dropped, deadLetters, shed, published };
  }

  async #status(): Promise<NodeStatus> {
    const { config, readiness, streams } = this.#init;
    const { isDraining, sources } = readiness();
    const lags = new Map((await this.#lags.read()).map((lag) => [lag.source, lag]));
    const journal = streams()?.replay.journal;
    return {
      node: config.server.node,
      version: SERVER_VERSION,
      startedAt: this.#startedAt,
      now: new Date().toISOString(),
      ready: !isDraining && sources.every(({ state }) => state === "up"),
      draining: isDraining,
      development: config.dev.enabled,
      publicUrl: this.#publicUrl(),
      sources: sources.map(({ source, state }) => ({
        ...lags.get(source) ?? { source, records: null, ms: null, partitions: [] },
        kind: config.sources[source]?.kind ?? "embedded",
        state,
      })),
      streams: {
        open: this.#openStreams(),
        max: config.streams.maxTotal,
        maxPerPrincipal: config.streams.maxPerPrincipal,
      },
      journal: {
        frames: journal?.frameCount ?? 0,
        maxFrames: config.journal.maxEvents,
        bytes: journal?.byteCount ?? 0,
        maxBytes: config.journal.maxBytes,
      },
      totals: { ...await this.#totals() },
      problems: recentProblems(),
    };
  }
}
