/// <reference lib="dom" />
import { element } from "./element.ts";

/** Asks for the admin token. */
export function loginView(message: string, onToken: (token: string) => void): HTMLElement {
  const token = element("input", {
    id: "token",
    type: "password",
    required: true,
    autocomplete: "current-password",
    spellcheck: "false",
  });
  return element(
    "main",
    { class: "login" },
    element(
      "form",
      {
        class: "card",
        submit: (event) => {
          event.preventDefault();
          const text = token.value.trim();
          if (text !== "") onToken(text);
        },
      },
      element("img", { src: "console/icon.svg", alt: "", width: 40, height: 40 }),
      element("h1", {}, "Tidegate console"),
      element("label", { for: "token" }, "Admin token"),
      token,
      element("p", { class: "hint" }, "The text of the setting admin.token. It stays in this tab."),
      message === "" ? null : element("p", { class: "bad-text", role: "alert" }, message),
      element("button", { type: "submit" }, "Open"),
    ),
  );
}
