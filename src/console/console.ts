/// <reference lib="dom" />
/*
 * The console: what one node does, for the operator's eyes. It reads /admin/v1 with the operator's token and shows
 * everything as text. Nothing is loaded from anywhere else, nothing is kept but the token, in this tab's session.
 */
import { AdminApi } from "./admin_api.ts";
import type { Status } from "./answers.ts";
import { connectView } from "./connect_view.ts";
import { connectionsView } from "./connections_view.ts";
import { element, fill } from "./element.ts";
import { explainView } from "./explain_view.ts";
import { duration } from "./figures.ts";
import { liveView } from "./live_view.ts";
import { loginView } from "./login_view.ts";
import { forgetToken, rememberToken, takeToken } from "./session.ts";
import { repeat, type View } from "./view.ts";

const STATUS_EVERY_MS = 2_000;

const VIEWS = {
  live: { title: "Live", make: liveView },
  connections: { title: "Connections", make: connectionsView },
  explain: { title: "Explain", make: explainView },
  connect: { title: "Connect as", make: connectView },
} as const;

type ViewName = keyof typeof VIEWS;

const root = document.getElementById("console");
if (root !== null) begin(root, takeToken());

function begin(root: HTMLElement, token: string | undefined): void {
  if (token === undefined) return showLogin(root, "");
  const over = new AbortController();
  const api = new AdminApi(token, () => {
    if (over.signal.aborted) return;
    over.abort();
    forgetToken();
    showLogin(root, "The token is not this node's.");
  });
  showConsole(root, api, over.signal);
}

function showLogin(root: HTMLElement, message: string): void {
  fill(
    root,
    loginView(message, (token) => {
      rememberToken(token);
      begin(root, token);
    }),
  );
}

function showConsole(root: HTMLElement, api: AdminApi, over: AbortSignal): void {
  const name = element("span", { class: "node" });
  const state = element("span", { class: "pill", role: "status" }, "connecting");
  const about = element("span", { class: "about" });
  const links = new Map<ViewName, HTMLAnchorElement>();
  for (const [view, { title }] of entries()) links.set(view, element("a", { href: `#${view}` }, title));
  const main = element("main", { id: "main", tabindex: -1 });
  fill(
    root,
    element(
      "a",
      { class: "skip", href: "#main", click: (event) => (event.preventDefault(), main.focus()) },
      "Skip to content",
    ),
    element(
      "header",
      {},
      element(
        "div",
        { class: "brand" },
        element("img", { src: "console/icon.svg", alt: "", width: 28, height: 28 }),
        element("h1", {}, "Tidegate"),
        name,
        state,
      ),
      element("nav", { "aria-label": "Views" }, ...links.values()),
      about,
    ),
    main,
  );
  let shown: View | undefined;
  let lastStatus: Status | undefined;
  const show = () => {
    const view = viewOf(location.hash);
    shown?.leave();
    shown = VIEWS[view].make(api);
    for (const [each, link] of links) {
      if (each === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    fill(main, shown.element);
    if (lastStatus !== undefined) shown.update?.(lastStatus);
  };
  addEventListener("hashchange", show, { signal: over });
  over.addEventListener("abort", () => shown?.leave());
  repeat(
    async () => {
      try {
        lastStatus = await api.get<Status>("status");
        name.textContent = lastStatus.node;
        about.textContent = `${lastStatus.version}, up ${
          duration((Date.parse(lastStatus.now) - Date.parse(lastStatus.startedAt)) / 1_000)
        }`;
        setState(state, lastStatus.draining ? "draining" : lastStatus.ready ? "ready" : "not ready");
        shown?.update?.(lastStatus);
      } catch {
        setState(state, "unreachable");
      }
    },
    STATUS_EVERY_MS,
    over,
  );
  show();
}

function setState(pill: HTMLElement, text: string): void {
  pill.textContent = text;
  pill.className = `pill ${text === "ready" ? "good" : text === "unreachable" ? "bad" : "warn"}`;
}

function viewOf(hash: string): ViewName {
  return entries().find(([name]) => hash === `#${name}` || hash.startsWith(`#${name}?`))?.[0] ?? "live";
}

function entries(): [ViewName, (typeof VIEWS)[ViewName]][] {
  // The keys of a literal object are all that it has.
  return Object.entries(VIEWS) as [ViewName, (typeof VIEWS)[ViewName]][];
}
