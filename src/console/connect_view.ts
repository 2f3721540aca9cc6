/// <reference lib="dom" />
import { type AdminApi, Refused } from "./admin_api.ts";
import type { Status } from "./answers.ts";
import { element, fill } from "./element.ts";
import { type ConnectWish, snippets } from "./snippets.ts";
import { StreamTrial } from "./stream_trial.ts";
import type { View } from "./view.ts";

/** What to type, to get what a user gets. In development mode with a token, and a stream in the page itself. */
export function connectView(api: AdminApi): View {
  const form = new ConnectForm(api);
  return {
    element: element("div", { class: "connect" }, form.element, form.codes),
    update: (status) => form.begin(status),
    leave: () => form.leave(),
  };
}

class ConnectForm {
  readonly element: HTMLElement;
  readonly codes = element("section", { class: "card", "aria-label": "What to type" });
  readonly #api: AdminApi;
  readonly #subject = field("connect-subject", "Subject", "demo", "Whom the token speaks for.");
  readonly #grants = field(
    "connect-grants",
    "Further grants",
    "novel:moby",
    "What the token may read besides global and user:{subject}; spaces between them.",
  );
  readonly #scopes = field(
    "connect-scopes",
    "Scopes",
    "",
    "What this stream asks for. Empty: all that is granted without a wildcard.",
  );
  readonly #events = field("connect-events", "Events", "", "Names or domain.*; empty for all.");
  readonly #url = field("connect-url", "Gateway", "", "Its public address.");
  readonly #note = element("p", { class: "hint", role: "status" });
  readonly #mint = element("button", { type: "submit" }, "Make a token");
  readonly #open = element("button", { type: "button", disabled: true }, "Open the stream here");
  readonly #trial = new StreamTrial((text, isTrouble) => this.#say(text, isTrouble));
  #token: string | undefined;
  #hasBegun = false;

  constructor(api: AdminApi) {
    this.#api = api;
    this.#open.addEventListener("click", () => void this.#trial.open(this.#wish()));
    for (const { input } of [this.#scopes, this.#events, this.#url]) {
      input.addEventListener("input", () => this.#showCodes());
    }
    for (const { input } of [this.#subject, this.#grants]) {
      input.addEventListener("input", () => this.#forgetToken());
    }
    const submit = (event: Event) => {
      event.preventDefault();
      void this.#makeToken();
    };
    this.element = element(
      "section",
      { class: "card", "aria-labelledby": "connect-title" },
      element("h2", { id: "connect-title" }, "Connect as"),
      element(
        "form",
        { class: "fields", submit },
        ...[this.#subject, this.#grants, this.#scopes, this.#events, this.#url].map(({ element }) => element),
        element("div", { class: "bar" }, this.#mint, this.#open),
      ),
      this.#note,
      this.#trial.element,
    );
  }

  /** Which gateway it is, is known with its first status. */
  begin({ development, publicUrl }: Status): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    // The page may be on the operator's port, from where its policy lets it reach no other.
    const isOnPublicPort = new URL(publicUrl).port === location.port;
    this.#url.input.value = isOnPublicPort ? location.origin : publicUrl;
    for (const part of [this.#mint, this.#subject.element, this.#grants.element]) part.hidden = !development;
    for (const part of [this.#open, this.#trial.element]) part.hidden = !development || !isOnPublicPort;
    if (!development) {
      this.#say("Your issuer makes the tokens: put one into $TOKEN. Only a gateway in development mode makes its own.");
    } else if (!isOnPublicPort) this.#say(`To open the stream in the page too, open ${publicUrl}/console instead.`);
    this.#showCodes();
  }

  leave(): void {
    this.#trial.close();
  }

  #wish(): ConnectWish {
    return {
      url: this.#url.input.value.trim().replace(/\/$/, ""),
      subject: this.#subject.input.value.trim(),
      scopes: words(this.#scopes.input.value),
      events: words(this.#events.input.value),
      token: this.#token ?? "$TOKEN",
    };
  }

  async #makeToken(): Promise<void> {
    const wish = { subject: this.#subject.input.value.trim(), grants: words(this.#grants.input.value), publish: true };
    try {
      this.#token = (await this.#api.send<{ token: string }>("POST", "tokens", wish)).token;
      this.#open.disabled = false;
      this.#say(`A token of an hour for ${wish.subject}; it stands in the lines to type.`);
      this.#showCodes();
    } catch (error) {
      this.#say(error instanceof Refused ? error.message : "The gateway cannot be reached.", true);
    }
  }

  /** A token speaks for whom it was made for, whatever stands in the fields by now. */
  #forgetToken(): void {
    if (this.#token !== undefined) this.#say("Somebody else now: make a token for them.");
    this.#token = undefined;
    this.#open.disabled = true;
    this.#showCodes();
  }

  #say(text: string, isTrouble = false): void {
    this.#note.textContent = text;
    this.#note.className = isTrouble ? "bad-text" : "hint";
  }

  #showCodes(): void {
    const shown = snippets(this.#wish()).map(({ title, code }) =>
      element(
        "div",
        { class: "snippet" },
        element("h3", {}, title),
        element("pre", { tabindex: 0 }, code),
        element("button", { type: "button", class: "small", click: (event) => void copy(code, event.target) }, "Copy"),
      )
    );
    fill(this.codes, ...shown);
  }
}

interface Field {
  readonly input: HTMLInputElement;
  readonly element: HTMLElement;
}

function field(id: string, label: string, value: string, hint: string): Field {
  const input = element("input", {
    id,
    value,
    spellcheck: "false",
    autocomplete: "off",
    "aria-describedby": `${id}-hint`,
  });
  return {
    input,
    element: element(
      "div",
      { class: "field" },
      element("label", { for: id }, label),
      input,
      element("p", { class: "hint", id: `${id}-hint` }, hint),
    ),
  };
}

function words(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

async function copy(text: string, target: EventTarget | null): Promise<void> {
  const said = await navigator.clipboard.writeText(text).then(() => "Copied", () => "Cannot copy");
  if (target instanceof HTMLElement) target.textContent = said;
}
