import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { BusError } from "../event_bus.ts";
import { API_VERSIONS } from "./api_versions.ts";
import type { Compression } from "./compression_codecs.ts";
import { kafkajsLog } from "./kafka_log.ts";
import type { KafkaLimits, KafkaSasl, KafkaTls } from "./kafka_options.ts";
import type { ApiVersions } from "./kafkajs_connection.d.ts";
import { Connection, createSocketFactory } from "./kafkajs_internals.ts";
import { WireReader } from "./wire_reader.ts";
import { WireWriter } from "./wire_writer.ts";

/** Where a broker listens. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** What every connection of one bus has in common. */
export interface ConnectionSettings {
  readonly clientId: string;
  readonly ssl: KafkaTls | null;
  readonly sasl: KafkaSasl | null;
  readonly compression: Compression;
  readonly limits: KafkaLimits;
}

/** One request of Kafka's protocol and its answer. */
export interface KafkaRequest<Answer extends Throttled> {
  readonly apiKey: number;
  readonly apiName: string;
  readonly version: number;
  /** False for the few whose header has no tagged fields. */
  readonly isFlexible: boolean;
  write(writer: WireWriter): void;
  read(reader: WireReader): Answer;
}

export interface Throttled {
  /** Milliseconds for which the broker asks us to send nothing (KIP-219). */
  readonly throttleMs: number;
}

/** One authenticated connection to one broker. Requests are answered in order: a long fetch holds up what follows it. */
export class KafkaConnection {
  readonly address: BrokerAddress;
  readonly #connection: Connection;
  readonly #closed = rejectable();
  #socket: Socket | null = null;
  #isClosed = false;

  private constructor(address: BrokerAddress, settings: ConnectionSettings) {
    this.address = address;
    const createSocket = createSocketFactory();
    this.#connection = new Connection({
      ...address,
      clientId: settings.clientId,
      ssl: settings.ssl,
      // A copy: kafkajs leaves an authenticator in it that is bound to the connection.
      sasl: settings.sasl === null ? null : { ...settings.sasl },
      connectionTimeout: settings.limits.connectTimeoutMs,
      requestTimeout: settings.limits.requestTimeoutMs,
      // Its check is a timer of 100 ms on every connection; ours is one for each request.
      enforceRequestTimeout: false,
      logger: kafkajsLog,
      socketFactory: (target) => {
        this.#socket = createSocket(target);
        this.#socket.setNoDelay(true);
        return this.#socket;
      },
    });
  }

  /** Connects and authenticates. Rejects after `connectTimeoutMs`, or when the signal aborts. */
  static async open(address: BrokerAddress, settings: ConnectionSettings, signal: AbortSignal) {
    signal.throwIfAborted();
    const opened = new KafkaConnection(address, settings);
    const giveUp = () => opened.close("it was aborted");
    signal.addEventListener("abort", giveUp);
    const { connectTimeoutMs } = settings.limits;
    const timer = setTimeout(() => opened.close(`no answer in ${connectTimeoutMs} ms`), connectTimeoutMs);
    try {
      await Promise.race([opened.#handshake(), opened.#closed.promise]);
      return opened;
    } catch (cause) {
      opened.close("it could not be opened");
      throw new BusError(`Cannot connect to Kafka at ${address.host}:${address.port}: ${messageOf(cause)}`, { cause });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.#connection.isConnected();
  }

  /**
   * Sends a request and resolves with what `read` made of the answer. After `timeoutMs` of silence the connection is
   * closed: what comes late would answer nobody, and a connection that drops packets stays mute (tulios/kafkajs#1163).
   */
  async request<Answer extends Throttled>(request: KafkaRequest<Answer>, timeoutMs: number): Promise<Answer> {
    const timer = setTimeout(() => this.close(`no answer to ${request.apiName} in ${timeoutMs} ms`), timeoutMs);
    try {
      return await this.#send(request);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it at once; requests under way reject with the reason. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { host, port } = this.address;
    const error = new BusError(`Cannot go on with Kafka's connection to ${host}:${port}: ${reason}`);
    this.#closed.reject(error);
    this.#connection.rejectRequests(error);
    // With no request left it only clears its timers; its `end()` would wait for a peer that may be gone.
    this.#connection.disconnect().catch(() => {});
    this.#socket?.destroy();
  }

  async #handshake(): Promise<void> {
    await this.#connection.connect();
    const { versions } = await this.#send(API_VERSIONS);
    assertNewEnough(versions);
    this.#connection.setVersions(versions);
    this.#connection.setSupportAuthenticationProtocol(SASL_AUTHENTICATE in versions);
    await this.#connection.authenticate();
  }

  #send<Answer extends Throttled>(request: KafkaRequest<Answer>): Promise<Answer> {
    return this.#connection.send<Answer>({
      request: {
        apiKey: request.apiKey,
        apiVersion: request.version,
        apiName: request.apiName,
        encode: () => Promise.resolve(encode(request)),
      },
      response: {
        decode: async (payload) => {
          const reader = new WireReader(payload);
          if (request.isFlexible) reader.skipTaggedFields();
          const answer = request.read(reader);
          return { answer, clientSideThrottleTime: answer.throttleMs };
        },
        parse: ({ answer }) => Promise.resolve(answer),
      },
      logResponseError: false,
    });
  }
}

const SASL_AUTHENTICATE = 36;
const FETCH = 1;
/** Fetching by topic ID: without it a recreated topic could be read by an old position. */
const LEAST_FETCH_VERSION = 13;

function assertNewEnough(versions: ApiVersions): void {
  if ((versions[FETCH]?.maxVersion ?? 0) >= LEAST_FETCH_VERSION) return;
  throw new Error("the broker is older than Kafka 3.1 and cannot be read by topic ID. Upgrade it");
}

/** kafkajs writes the header of version 1; a flexible request's has one more byte, an empty set of tagged fields. */
function encode(request: Pick<KafkaRequest<Throttled>, "isFlexible" | "write">) {
  const writer = new WireWriter();
  if (request.isFlexible) writer.noTaggedFields();
  request.write(writer);
  const buffer = Buffer.from(writer.written);
  return { buf: buffer, buffer };
}

function rejectable(): PromiseWithResolvers<never> {
  const rejectable = Promise.withResolvers<never>();
  // Most connections are closed when nobody waits for them.
  rejectable.promise.catch(() => {});
  return rejectable;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
