/// <reference lib="dom" />
import { element, fill } from "./element.ts";
import { peek, pretty } from "./event_data.ts";
import { readEventStream, type StreamEvent } from "./event_stream.ts";
import type { ConnectWish } from "./snippets.ts";

/** Lines in the page; older ones go. */
const MAX_LINES = 100;

/** A real stream, opened in the page as the user would: what they get, and nothing else. */
export class StreamTrial {
  readonly element = element("ol", {
    class: "tail",
    tabindex: 0,
    "aria-label": "What this user gets, the newest first",
  });
  readonly #say: (text: string, isTrouble?: boolean) => void;
  #open = new AbortController();

  /** @param say told what has become of it */
  constructor(say: (text: string, isTrouble?: boolean) => void) {
    this.#say = say;
  }

  /** Opens another stream in the place of the one that is open. Resolves when it is over. */
  async open({ scopes, events, token }: ConnectWish): Promise<void> {
    this.close();
    const { signal } = this.#open = new AbortController();
    fill(this.element);
    const asked = [...scopes.map((scope) => ["scope", scope]), ...events.map((event) => ["event", event])];
    let isOpen = false;
    try {
      const response = await fetch(`/api/v1/events/stream?${new URLSearchParams(asked)}`, {
        headers: { authorization: `Bearer ${token}` },
        credentials: "omit",
        signal,
      });
      if (!response.ok) {
        const { detail } = await response.json();
        return this.#say(`The gateway answered ${response.status}: ${detail}`, true);
      }
      isOpen = true;
      this.#say("Open; what comes stands below.");
      await readEventStream(response, (event) => this.#show(event));
      this.#say("The gateway has ended the stream.");
    } catch {
      if (!signal.aborted) {
        this.#say(isOpen ? "The stream broke: open it again." : "The gateway cannot be reached.", true);
      }
    }
  }

  close(): void {
    this.#open.abort();
  }

  #show({ id, event, data }: StreamEvent): void {
    const summary = element(
      "summary",
      {},
      element("span", { class: "event" }, event),
      element("span", { class: "peek" }, peek(data) || data),
      element("span", { class: "identity" }, id?.split("~")[0]),
    );
    this.element.prepend(element("li", {}, element("details", {}, summary, element("pre", {}, pretty(data)))));
    while (this.element.childElementCount > MAX_LINES) this.element.lastElementChild?.remove();
  }
}
