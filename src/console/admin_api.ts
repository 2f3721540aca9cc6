/// <reference lib="dom" />
import { readEventStream, type StreamEvent } from "./event_stream.ts";

/** The gateway said no; `message` is what it said. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The operator's routes, with the operator's token. */
export class AdminApi {
  readonly #token: string;
  readonly #onUnauthorised: () => void;

  /** @param onUnauthorised the token is not the node's, or is not any more */
  constructor(token: string, onUnauthorised: () => void) {
    this.#token = token;
    this.#onUnauthorised = onUnauthorised;
  }

  async get<Answer>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await this.#ask<Answer>("GET", withQuery(path, parameters));
  }

  async send<Answer>(method: "POST" | "DELETE", path: string, body?: unknown): Promise<Answer> {
    return await this.#ask<Answer>(method, path, body);
  }

  /** Reads an event stream until the signal ends it or the gateway does. */
  async stream(
    path: string,
    parameters: Readonly<Record<string, string>>,
    onEvent: (event: StreamEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const response = await this.#fetch("GET", withQuery(path, parameters), undefined, signal);
    await readEventStream(response, onEvent);
  }

  async #ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await this.#fetch(method, path, body);
    const text = await response.text();
    // The gateway that serves this page answers it: both are of one version, and `answers.ts` says what comes.
    return JSON.parse(text === "" ? "null" : text) as Answer;
  }

  async #fetch(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const response = await fetch(`/admin/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      credentials: "omit",
      cache: "no-store",
    });
    if (response.ok) return response;
    if (response.status === 401) this.#onUnauthorised();
    throw new Refused(response.status, await detailOf(response));
  }
}

function withQuery(path: string, parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== ""));
  return query.size === 0 ? path : `${path}?${query}`;
}

async function detailOf(response: Response): Promise<string> {
  try {
    const { detail } = await response.json();
    if (typeof detail === "string") return detail;
  } catch {
    // No problem body: the status is all that is known.
  }
  return `The gateway answered ${response.status}`;
}
