import type { ConfigInput } from "../../src/config/schema.ts";
import { EventReader } from "../support/event_reader.ts";
import { freePort } from "../support/free_port.ts";
import { RunningGateway } from "./running_gateway.ts";

/** The admin token of the tests. */
export const ADMIN_TOKEN = "an-admin-token-of-the-tests-32-characters";

/** A gateway with its admin port, and what an operator asks it. */
export class AdminGateway implements AsyncDisposable {
  readonly running: RunningGateway;
  /** Of the admin port. */
  readonly url: string;

  private constructor(running: RunningGateway, url: string) {
    this.running = running;
    this.url = url;
  }

  static async start(settings: ConfigInput = {}): Promise<AdminGateway> {
    const running = await RunningGateway.start({
      admin: { token: ADMIN_TOKEN },
      ...settings,
      // 0 would turn the admin port off.
      server: { adminPort: freePort(), ...settings.server },
    });
    return new AdminGateway(running, `http://127.0.0.1:${running.gateway.adminPort}`);
  }

  /** Asks with the admin token, unless other headers are given. */
  async ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response> {
    return await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...headers ?? { authorization: `Bearer ${ADMIN_TOKEN}` },
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** The JSON of a successful answer. */
  // deno-lint-ignore no-explicit-any -- each test asserts what it reads of it
  async json(method: string, path: string, body?: unknown): Promise<any> {
    const response = await this.ask(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  async tail(query = ""): Promise<EventReader> {
    return await EventReader.open(`${this.url}/admin/v1/events${query}`, { authorization: `Bearer ${ADMIN_TOKEN}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running[Symbol.asyncDispose]();
  }
}
