/// <reference lib="dom" />
import { type AdminApi, Refused } from "./admin_api.ts";
import type { ShutOutEntry, ShutOutList } from "./answers.ts";
import { element, fill } from "./element.ts";
import { count, moment } from "./figures.ts";
import { repeat } from "./view.ts";

const EVERY_MS = 5_000;

/** What can be done to somebody: a list of the API, and by what they are named. */
const WAYS = {
  "ban": { title: "Ban a subject", list: "bans", kind: "subject" },
  "revoke-subject": { title: "Revoke a subject's tokens", list: "revocations", kind: "subject" },
  "revoke-session": { title: "Revoke a session (sid)", list: "revocations", kind: "session" },
  "revoke-token": { title: "Revoke a token (jti)", list: "revocations", kind: "token" },
} as const;

type ListName = (typeof WAYS)[keyof typeof WAYS]["list"];

/** Who is shut out of this node, and the form that shuts out and lets in again. */
export class ShutOutCard {
  readonly element: HTMLElement;
  readonly #api: AdminApi;
  readonly #way = element(
    "select",
    { id: "shut-way" },
    ...Object.entries(WAYS).map(([name, { title }]) => element("option", { value: name }, title)),
  );
  readonly #id = field("shut-id", "");
  readonly #for = field("shut-for", "15m");
  readonly #note = element("p", { class: "hint", role: "status" });
  readonly #entries = element("ul", { class: "entries" });

  constructor(api: AdminApi, over: AbortSignal) {
    this.#api = api;
    const submit = (event: Event) => {
      event.preventDefault();
      void this.#shutOut();
    };
    this.element = element(
      "section",
      { class: "card", "aria-labelledby": "shut-title" },
      element("h2", { id: "shut-title" }, "Shut out"),
      element(
        "p",
        { class: "hint" },
        "On this node alone, and until it restarts: a ban closes and refuses streams, a revocation refuses the tokens too.",
      ),
      element(
        "form",
        { class: "bar", submit },
        element("label", { for: "shut-way", class: "for-readers" }, "What to do"),
        this.#way,
        element("label", { for: "shut-id" }, "Whom"),
        this.#id,
        element("label", { for: "shut-for" }, "For"),
        this.#for,
        element("button", { type: "submit" }, "Shut out"),
      ),
      this.#note,
      this.#entries,
    );
    repeat(() => this.#load(), EVERY_MS, over);
  }

  /** Fills in whom, and goes to the form. */
  suggest(subject: string): void {
    this.#id.value = subject;
    this.#way.focus();
  }

  async #shutOut(): Promise<void> {
    const way = Object.entries(WAYS).find(([name]) => name === this.#way.value)?.[1] ?? WAYS.ban;
    const wish = { [way.kind]: this.#id.value.trim(), for: this.#for.value.trim() };
    await this.#try(async () => {
      const { closed } = await this.#api.send<{ closed: number }>("POST", way.list, wish);
      this.#note.textContent = `${this.#id.value.trim()} is shut out; ${count(closed)} streams closed.`;
    });
  }

  async #letIn(list: ListName, { kind, id, issuer }: ShutOutEntry): Promise<void> {
    const path = list === "bans" ? [list, id] : [list, kind, id];
    const query = issuer === null ? "" : `?issuer=${encodeURIComponent(issuer)}`;
    await this.#try(async () => {
      await this.#api.send("DELETE", `${path.map(encodeURIComponent).join("/")}${query}`);
      this.#note.textContent = `${id} may come back.`;
    });
  }

  async #try(what: () => Promise<void>): Promise<void> {
    try {
      await what();
      await this.#load();
    } catch (error) {
      this.#note.textContent = error instanceof Refused ? error.message : "The node cannot be reached";
    }
  }

  async #load(): Promise<void> {
    const [bans, revocations] = await Promise.all([
      this.#api.get<ShutOutList>("bans"),
      this.#api.get<ShutOutList>("revocations"),
    ]);
    const rows = [
      ...bans.entries.map((entry) => this.#row("bans", "banned", entry)),
      ...revocations.entries.map((entry) => this.#row("revocations", "revoked", entry)),
    ];
    fill(this.#entries, ...(rows.length > 0 ? rows : [element("li", { class: "hint" }, "Nobody.")]));
  }

  #row(list: ListName, word: string, entry: ShutOutEntry): HTMLElement {
    return element(
      "li",
      { class: "row" },
      element("span", { class: "pill bad" }, word),
      element("span", {}, `${entry.kind} `, element("strong", {}, entry.id)),
      element("span", { class: "hint" }, `until ${moment(entry.until)}`),
      element("button", {
        type: "button",
        class: "small end",
        "aria-label": `Let ${entry.kind} ${entry.id} in again`,
        click: () => void this.#letIn(list, entry),
      }, "Undo"),
    );
  }
}

function field(id: string, value: string): HTMLInputElement {
  return element("input", { id, value, required: true, spellcheck: "false", autocomplete: "off" });
}
