/// <reference lib="dom" />
import type { AdminApi } from "./admin_api.ts";
import type { Explanation } from "./answers.ts";
import { element, fill } from "./element.ts";
import type { View } from "./view.ts";

const FIELDS = [
  [
    "identity",
    "Event identity",
    "events:0:42",
    "The first part of its id, up to the ~. Without it: an event that may come.",
  ],
  ["subject", "Subject", "42", "Whom it should have reached."],
  ["scope", "Scope", "user:42", "Without an identity: where it would go."],
  ["event", "Event", "task.progress-updated", "Without an identity: its name."],
] as const;

/** Why somebody got, or did not get, an event. */
export function explainView(api: AdminApi): View {
  const given = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const answer = element("div", { class: "answer", role: "status" });
  const inputs = FIELDS.map(([name, , placeholder]) =>
    element("input", {
      id: `explain-${name}`,
      name,
      placeholder,
      value: given.get(name) ?? "",
      spellcheck: "false",
      autocomplete: "off",
      "aria-describedby": `explain-${name}-hint`,
    })
  );
  const ask = async () => {
    fill(answer, element("p", { class: "hint" }, "Looking"));
    const parameters = Object.fromEntries(inputs.map(({ name, value }) => [name, value.trim()]));
    try {
      fill(answer, ...answerParts(await api.get<Explanation>("explain", parameters)));
    } catch (error) {
      fill(answer, element("p", { class: "bad-text" }, error instanceof Error ? error.message : "It failed"));
    }
  };
  if (given.get("identity") !== null) void ask();
  return {
    element: element(
      "section",
      { class: "card", "aria-labelledby": "explain-title" },
      element("h2", { id: "explain-title" }, "Why did this user get, or not get, this event?"),
      element(
        "form",
        {
          class: "fields",
          submit: (event) => {
            event.preventDefault();
            void ask();
          },
        },
        ...FIELDS.map(([name, label, , hint], index) =>
          element(
            "div",
            { class: "field" },
            element("label", { for: `explain-${name}` }, label),
            inputs[index],
            element("p", { class: "hint", id: `explain-${name}-hint` }, hint),
          )
        ),
        element("button", { type: "submit" }, "Explain"),
      ),
      answer,
    ),
    leave: () => {},
  };
}

function answerParts({ verdict, summary, steps }: Explanation): HTMLElement[] {
  return [
    element("p", { class: "verdict" }, element("span", { class: "pill" }, verdict), summary),
    element(
      "ol",
      { class: "steps" },
      ...steps.map(({ ok, text }) => {
        const [mark, word, style] = ok === null
          ? ["?", "Unknown: ", "unknown"]
          : ok
          ? ["✓", "", "good-text"]
          : ["✗", "No: ", "bad-text"];
        return element(
          "li",
          {},
          element("span", { class: style, "aria-hidden": "true" }, mark),
          element("span", {}, element("span", { class: "for-readers" }, word), text),
        );
      }),
    ),
  ];
}
