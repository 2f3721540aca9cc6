import type { Publishing } from "../load_job.ts";
import { connectTo, type Epoll, READABLE, receive, send, socketError, WRITABLE } from "./libc.ts";
import { payloadText } from "./payload.ts";

/** What one publisher connection publishes with. */
export interface PublisherInit {
  readonly port: number;
  readonly publishing: Publishing;
  readonly payloadBytes: number;
  readonly scopes: readonly string[];
  readonly epoll: Epoll;
  /** Its number in the epoll. */
  readonly tag: number;
}

const RECEIVE_BYTES = 256 * 1_024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const received = new Uint8Array(RECEIVE_BYTES);

/**
 * One connection that publishes: one request at a time, each with as many of the waiting events as the server's
 * interface takes in one. So events of one connection arrive in their order.
 */
export class Publisher {
  readonly #init: PublisherInit;
  readonly #fd: number;
  #waiting: { readonly seq: number; readonly scope: number }[] = [];
  #state: "connecting" | "idle" | "sending" | "answering" = "connecting";
  #outgoing = new Uint8Array();
  /** Bytes of the answer's body still to come; -1 while its head is not complete. */
  #answerRemaining = -1;
  #answerHead = "";

  constructor(init: PublisherInit) {
    this.#init = init;
    this.#fd = connectTo(init.port);
    init.epoll.add(this.#fd, WRITABLE, init.tag);
  }

  offer(seq: number, scope: number): void {
    this.#waiting.push({ seq, scope });
  }

  /** Sends what waits, when the last request is answered. */
  flush(): void {
    if (this.#state !== "idle" || this.#waiting.length === 0) return;
    const { publishing: { maxBatch } } = this.#init;
    const batch = this.#waiting.length <= maxBatch ? this.#waiting : this.#waiting.slice(0, maxBatch);
    this.#waiting = this.#waiting.length <= maxBatch ? [] : this.#waiting.slice(maxBatch);
    this.#outgoing = encoder.encode(this.#request(batch));
    this.#state = "sending";
    this.#send();
  }

  /** The socket can be read or written. */
  ready(): void {
    if (this.#state === "connecting") {
      const error = socketError(this.#fd);
      if (error !== 0) throw new Error(`Cannot connect to publish: error number ${error}`);
      this.#state = "idle";
      this.#init.epoll.modify(this.#fd, READABLE, this.#init.tag);
    } else if (this.#state === "sending") this.#send();
    else this.#receive();
  }

  #send(): void {
    const count = send(this.#fd, this.#outgoing);
    if (count > 0) this.#outgoing = this.#outgoing.subarray(count);
    const isDone = this.#outgoing.length === 0;
    this.#init.epoll.modify(this.#fd, isDone ? READABLE : WRITABLE, this.#init.tag);
    if (isDone) this.#state = "answering";
  }

  #receive(): void {
    const count = receive(this.#fd, received);
    if (count === 0) throw new Error("Cannot publish: the server closed the connection");
    if (count < 0) return;
    let body = count;
    if (this.#answerRemaining < 0) {
      this.#answerHead += decoder.decode(received.subarray(0, count));
      const headEnd = this.#answerHead.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      if (!/^HTTP\/1\.1 20[12] /.test(this.#answerHead)) {
        throw new Error(`Cannot publish: the server answers ${this.#answerHead.slice(0, 500)}`);
      }
      body = this.#answerHead.length - headEnd - 4;
      this.#answerRemaining = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#answerHead)?.[1] ?? 0);
    }
    this.#answerRemaining -= body;
    if (this.#answerRemaining > 0) return;
    this.#answerRemaining = -1;
    this.#answerHead = "";
    this.#state = "idle";
    this.flush();
  }

  #request(batch: readonly { readonly seq: number; readonly scope: number }[]): string {
    const { publishing: { kind, token }, scopes, payloadBytes } = this.#init;
    const payloads = batch.map(({ seq, scope }) => ({
      scope: scopes[scope] ?? "",
      payload: payloadText(seq, payloadBytes),
    }));
    const authorization = token === "" ? "" : `Authorization: Bearer ${token}\r\n`;
    const post = (path: string, body: string) =>
      `POST ${path} HTTP/1.1\r\nHost: bench\r\n${authorization}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    switch (kind) {
      case "nchan":
        return payloads.map(({ scope, payload }) => post(`/publish?id=${scope}`, payload)).join("");
      case "tidegate": {
        const items = payloads.map(({ scope, payload }) =>
          `{"event":"bench.event-sent","scope":"${scope}","data":${payload}}`
        );
        return post("/api/v1/events", `[${items.join(",")}]`);
      }
    }
  }
}
