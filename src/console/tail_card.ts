/// <reference lib="dom" />
import { type AdminApi, Refused } from "./admin_api.ts";
import type { TailData } from "./answers.ts";
import { element, fill } from "./element.ts";
import { peek, pretty } from "./event_data.ts";
import type { StreamEvent } from "./event_stream.ts";
import { clock, count } from "./figures.ts";
import { onTyped } from "./on_typed.ts";

/** Lines in the page; older ones go. */
const MAX_LINES = 200;
const RETRY_MS = 2_000;

/** Every event as the node reads it, with a filter and a pause. */
export class TailCard {
  readonly element: HTMLElement;
  readonly #api: AdminApi;
  readonly #over: AbortSignal;
  readonly #list = element("ol", { class: "tail", tabindex: 0, "aria-label": "Events, the newest first" });
  readonly #note = element("p", { class: "hint", role: "status" });
  readonly #scope = filter("tail-scope", "user:42");
  readonly #event = filter("tail-event", "task.*");
  readonly #pause = element("button", { type: "button", "aria-pressed": "false" }, "Pause");
  /** Rows that are not in the page yet, the oldest first. */
  readonly #waiting: HTMLElement[] = [];
  #shown = 0;
  #omitted = 0;
  #isPaused = false;
  /** What waits takes the place of what stands in the list. */
  #isAnew = false;
  #reading = new AbortController();

  /** @param over ends all that it reads */
  constructor(api: AdminApi, over: AbortSignal) {
    this.#api = api;
    this.#over = over;
    this.#pause.addEventListener("click", () => this.#togglePause());
    onTyped([this.#scope, this.#event], () => void this.#read(), over);
    this.element = element(
      "section",
      { class: "card tail-card", "aria-labelledby": "tail-title" },
      element("h2", { id: "tail-title" }, "Events"),
      element(
        "form",
        { class: "bar", submit: (event) => event.preventDefault() },
        element("label", { for: "tail-scope" }, "Scope"),
        this.#scope,
        element("label", { for: "tail-event" }, "Event"),
        this.#event,
        this.#pause,
      ),
      this.#note,
      this.#list,
    );
    void this.#read();
  }

  /** Reads with the filter of this moment, anew each time that it changes; what breaks is opened again. */
  async #read(): Promise<void> {
    this.#reading.abort();
    const mine = this.#reading = new AbortController();
    const signal = AbortSignal.any([mine.signal, this.#over]);
    this.#begin();
    while (!signal.aborted) {
      const filter = { scope: this.#scope.value.trim(), event: this.#event.value.trim() };
      try {
        await this.#api.stream("events", filter, (event) => this.#take(event), signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#note.textContent = error instanceof Refused ? error.message : "The node cannot be reached; trying again";
        // A filter that is no filter stays one until it is changed.
        if (error instanceof Refused && error.status < 429) return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #begin(): void {
    this.#shown = this.#omitted = this.#waiting.length = 0;
    fill(this.#list);
    this.#say();
  }

  /** A tail begins with the node's last events, some of which stand here already when it was opened after a break. */
  #beginAnew(): void {
    this.#omitted = this.#waiting.length = 0;
    this.#isAnew = true;
    this.#say();
  }

  #take({ event, data }: StreamEvent): void {
    if (event === "tail.opened") return this.#beginAnew();
    // The gateway's own answer; see answers.ts.
    const line = JSON.parse(data) as TailData;
    if (event === "tail.omitted") {
      this.#omitted += line.count ?? 0;
      return this.#say();
    }
    const row = rowOf(event, line);
    if (row === undefined) return;
    this.#waiting.push(row);
    if (this.#waiting.length > MAX_LINES) this.#waiting.shift();
    // A hundred rows a second go into the page with the frames that are drawn anyway.
    if (this.#isPaused) this.#say();
    else requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    if (this.#isPaused || this.#waiting.length === 0) return;
    if (this.#isAnew) {
      fill(this.#list);
      this.#shown = 0;
    }
    this.#isAnew = false;
    this.#shown += this.#waiting.length;
    this.#list.prepend(...this.#waiting.splice(0).reverse());
    while (this.#list.childElementCount > MAX_LINES) this.#list.lastElementChild?.remove();
    this.#say();
  }

  #togglePause(): void {
    this.#isPaused = !this.#isPaused;
    this.#pause.setAttribute("aria-pressed", String(this.#isPaused));
    this.#pause.textContent = this.#isPaused ? "Go on" : "Pause";
    this.#say();
    this.#flush();
  }

  #say(): void {
    const waiting = this.#waiting.length;
    const left = this.#omitted === 0 ? "" : `, ${count(this.#omitted)} more left out because they came too fast`;
    this.#note.textContent = this.#isPaused
      ? `Paused, ${count(waiting)}${waiting === MAX_LINES ? " or more" : ""} new`
      : this.#shown === 0
      ? "Waiting for events"
      : `${count(this.#shown)} shown${left}`;
  }
}

function filter(id: string, placeholder: string): HTMLInputElement {
  return element("input", { id, placeholder, spellcheck: "false", autocomplete: "off" });
}

function rowOf(name: string, line: TailData): HTMLElement | undefined {
  const time = element("time", {}, clock(timeOf(line) ?? Date.now()));
  switch (name) {
    case "tail.event":
      return element(
        "li",
        {},
        element(
          "details",
          {},
          element(
            "summary",
            {},
            time,
            element("span", { class: "event" }, line.event),
            element("span", { class: "scope" }, line.scope),
            (line.audience ?? []).length > 0
              ? element("span", { class: "scope" }, `and ${line.audience?.join(", ")}`)
              : null,
            line.priority === "normal" ? null : element("span", { class: "hint" }, line.priority),
            element("span", { class: "peek" }, peek(line.data ?? "")),
            element("a", {
              class: "identity",
              href: `#explain?identity=${encodeURIComponent(line.identity ?? "")}`,
              title: "Explain who gets it",
            }, line.identity),
          ),
          element("pre", {}, pretty(line.data ?? "") + (line.isCut === true ? "\n… cut" : "")),
        ),
      );
    case "tail.dead-letter":
      return plainRow("bad-line", time, "dead letter", line.identity, `${line.reason}: ${line.detail}`);
    case "tail.gap":
      return plainRow("bad-line", time, "gap", line.identity, line.data);
    case "tail.source":
      return plainRow("warn-line", time, "source", line.source, line.state);
    default:
      return undefined;
  }
}

function plainRow(style: string, time: HTMLElement, ...texts: readonly (string | undefined)[]): HTMLElement {
  const [what, ...rest] = texts;
  return element(
    "li",
    { class: style },
    element(
      "div",
      { class: "plain" },
      time,
      element("span", { class: "event" }, what),
      ...rest.map((text) => element("span", {}, text)),
    ),
  );
}

function timeOf({ data }: TailData): string | undefined {
  return data === undefined ? undefined : /"time":"([^"]{1,40})"/.exec(data)?.[1];
}
