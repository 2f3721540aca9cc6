/// <reference lib="dom" />
import type { AdminApi } from "./admin_api.ts";
import type { Connection, ConnectionPage } from "./answers.ts";
import { element, fill } from "./element.ts";
import { bytes, clock, count, duration } from "./figures.ts";
import { DrainCard } from "./drain_card.ts";
import { onTyped } from "./on_typed.ts";
import { ShutOutCard } from "./shut_out_card.ts";
import { repeat, type View } from "./view.ts";

const EVERY_MS = 2_000;

/** Who is connected, and who no longer is, and why. */
export function connectionsView(api: AdminApi): View {
  const over = new AbortController();
  const subject = element("input", { id: "by-subject", spellcheck: "false", autocomplete: "off" });
  const scope = element("input", { id: "by-scope", placeholder: "user:42", spellcheck: "false", autocomplete: "off" });
  const total = element("p", { class: "hint", role: "status" });
  const open = element("tbody");
  const ended = element("tbody");
  const first = element("button", { type: "button", disabled: true }, "First page");
  const next = element("button", { type: "button", disabled: true }, "Next page");
  let after = "";
  let nextPage: string | null = null;
  const shutOut = new ShutOutCard(api, over.signal);
  const load = async () => {
    const page = await api.get<ConnectionPage>("connections", {
      subject: subject.value.trim(),
      scope: scope.value.trim(),
      after,
    });
    nextPage = page.next;
    next.disabled = page.next === null;
    first.disabled = after === "";
    total.textContent = `${count(page.open)} open on this node`;
    const close = async (id: string) => {
      await api.send("DELETE", `connections/${encodeURIComponent(id)}`).catch(() => {});
      await load();
    };
    // A row under the keyboard's focus would lose it each time that all rows are made anew.
    const focused = document.activeElement?.getAttribute("data-id");
    fill(
      open,
      ...orNone(
        page.connections.map((each) => openRow(each, close, (subject) => shutOut.suggest(subject))),
        "No stream is open.",
      ),
    );
    fill(ended, ...orNone(page.ended.map(endedRow), "None ended lately."));
    if (focused !== null && focused !== undefined) {
      for (const button of open.querySelectorAll("button")) if (button.dataset["id"] === focused) button.focus();
    }
  };
  const begin = (place: string) => {
    after = place;
    void load().catch(() => {});
  };
  first.addEventListener("click", () => begin(""));
  next.addEventListener("click", () => begin(nextPage ?? ""));
  onTyped([subject, scope], () => begin(""), over.signal);
  repeat(load, EVERY_MS, over.signal);
  return {
    element: element(
      "div",
      { class: "stack" },
      card("open-title", "Open streams", filterBar(subject, scope, first, next), total, table(OPEN_HEADS, open)),
      shutOut.element,
      card("ended-title", "Ended lately", table(ENDED_HEADS, ended)),
      new DrainCard(api).element,
    ),
    leave: () => over.abort(),
  };
}

const OPEN_HEADS = ["Subject", "Scopes", "Events", "Age", "Events had", "Bytes", "Queued", "Shed", "Last event", ""];
const ENDED_HEADS = ["At", "Subject", "Reason", "Age", "Events had", "Scopes"];

function card(id: string, title: string, ...children: readonly HTMLElement[]): HTMLElement {
  return element("section", { class: "card", "aria-labelledby": id }, element("h2", { id }, title), ...children);
}

function filterBar(subject: HTMLElement, scope: HTMLElement, ...buttons: readonly HTMLElement[]): HTMLElement {
  return element(
    "form",
    { class: "bar", submit: (event) => event.preventDefault() },
    element("label", { for: subject.id }, "Subject"),
    subject,
    element("label", { for: scope.id }, "Scope"),
    scope,
    ...buttons,
  );
}

function table(heads: readonly string[], body: HTMLElement): HTMLElement {
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": "Table, scrolls sideways" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      body,
    ),
  );
}

function openRow(
  connection: Connection,
  close: (id: string) => Promise<void>,
  shutOut: (subject: string) => void,
): HTMLElement {
  const { id, subject, scopes, events, ageSeconds, frames, queuedFrames, queuedBytes, shedFrames, cursor } = connection;
  return element(
    "tr",
    {},
    element("th", { scope: "row", title: id }, subject),
    cell(scopesText(scopes), scopes.join("\n")),
    cell(events.length === 0 ? "all" : events.join(", ")),
    cell(duration(ageSeconds), `since ${clock(connection.openedAt)}, token until ${clock(connection.expiresAt)}`),
    cell(count(frames)),
    cell(bytes(connection.bytes)),
    cell(queuedFrames === 0 ? "0" : `${count(queuedFrames)} (${bytes(queuedBytes)})`),
    cell(count(shedFrames)),
    cell(cursor ?? "–"),
    element(
      "td",
      {},
      element("button", {
        type: "button",
        class: "small",
        "data-id": id,
        "aria-label": `Close the stream of ${subject}`,
        click: () => void close(id),
      }, "Close"),
      " ",
      element("button", {
        type: "button",
        class: "small",
        "data-id": `${id} out`,
        "aria-label": `Shut out ${subject}`,
        click: () => shutOut(subject),
      }, "Shut out"),
    ),
  );
}

function endedRow({ subject, scopes, ageSeconds, frames, ended }: Connection): HTMLElement {
  return element(
    "tr",
    {},
    cell(clock(ended?.at ?? "")),
    element("th", { scope: "row" }, subject),
    cell(ended?.reason ?? ""),
    cell(duration(ageSeconds)),
    cell(count(frames)),
    cell(scopesText(scopes), scopes.join("\n")),
  );
}

function orNone(rows: readonly HTMLElement[], text: string): readonly HTMLElement[] {
  return rows.length > 0 ? rows : [element("tr", {}, element("td", { colspan: 10, class: "hint" }, text))];
}

function cell(text: string, title?: string): HTMLElement {
  return element("td", { title }, text);
}

function scopesText(scopes: readonly string[]): string {
  const shown = scopes.slice(0, 3).join(", ");
  return scopes.length > 3 ? `${shown} and ${scopes.length - 3} more` : shown;
}
