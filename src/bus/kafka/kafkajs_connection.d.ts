import type { Socket } from "node:net";

/** `src/network/connection.js` of kafkajs 2.2.4: one socket, framing, correlation, TLS and SASL. */
export default class Connection {
  constructor(options: ConnectionOptions);
  connect(): Promise<true>;
  setVersions(versions: ApiVersions): void;
  setSupportAuthenticationProtocol(isSupported: boolean): void;
  authenticate(): Promise<void>;
  isConnected(): boolean;
  send<Answer>(exchange: Exchange<Answer>): Promise<Answer>;
  rejectRequests(error: Error): void;
  disconnect(): Promise<true>;
}

/** API key to the versions that the broker speaks. */
export type ApiVersions = Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;

/** One request and how its answer is read. */
export interface Exchange<Answer> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    /** What kafkajs takes for its own Encoder: both fields are the encoded request. */
    encode(): Promise<{ readonly buf: Uint8Array; readonly buffer: Uint8Array }>;
  };
  readonly response: {
    decode(payload: Uint8Array): Promise<Decoded<Answer>>;
    parse(decoded: Decoded<Answer>): Promise<Answer>;
  };
  readonly logResponseError: boolean;
}

export interface Decoded<Answer> {
  readonly answer: Answer;
  /** Milliseconds that the broker asks us to be silent (KIP-219); the connection obeys. */
  readonly clientSideThrottleTime: number;
}

export interface ConnectionLogger {
  namespace(name: string): ConnectionLogger;
  debug(message: string, extra?: object): void;
  info(message: string, extra?: object): void;
  warn(message: string, extra?: object): void;
  error(message: string, extra?: object): void;
}

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly ssl: object | null;
  readonly sasl: object | null;
  /** Milliseconds. */
  readonly connectionTimeout: number;
  /** Milliseconds. */
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly logger: ConnectionLogger;
  readonly socketFactory: SocketFactory;
}

export type SocketFactory = (target: {
  readonly host: string;
  readonly port: number;
  readonly ssl: object | null;
  readonly onConnect: () => void;
}) => Socket;
