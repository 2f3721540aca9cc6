/// <reference lib="dom" />
import { type AdminApi, Refused } from "./admin_api.ts";
import { element, fill } from "./element.ts";
import { duration } from "./figures.ts";

/** Empties the node and ends it, when the operator has said so twice. */
export class DrainCard {
  readonly element: HTMLElement;
  readonly #api: AdminApi;
  readonly #note = element("p", { class: "hint", role: "status" });
  readonly #buttons = element("div", { class: "bar" });

  constructor(api: AdminApi) {
    this.#api = api;
    this.element = element(
      "section",
      { class: "card", "aria-labelledby": "drain-title" },
      element("h2", { id: "drain-title" }, "Drain"),
      element(
        "p",
        { class: "hint" },
        "As SIGTERM: readiness goes, streams are closed one by one and told when to come back, and the process ends.",
      ),
      this.#buttons,
      this.#note,
    );
    this.#offer();
  }

  #offer(): void {
    fill(this.#buttons, element("button", { type: "button", click: () => this.#ask() }, "Drain this node…"));
  }

  #ask(): void {
    const yes = element("button", { type: "button", click: () => void this.#drain() }, "Drain and end it");
    const no = element("button", { type: "button", click: () => this.#offer() }, "Cancel");
    fill(this.#buttons, no, yes);
    // The harmless one: who presses Enter once too often has not drained anything.
    no.focus();
  }

  async #drain(): Promise<void> {
    fill(this.#buttons);
    try {
      const { windowMs } = await this.#api.send<{ windowMs: number }>("POST", "drain");
      this.#note.textContent = `It drains: its streams are closed within ${duration(windowMs / 1_000)}, then it ends.`;
    } catch (error) {
      this.#note.textContent = error instanceof Refused ? error.message : "The node cannot be reached";
      this.#offer();
    }
  }
}
