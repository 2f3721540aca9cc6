/// <reference lib="dom" />

/** What an element is made with. Text is text: nothing here, nor anywhere in the console, parses markup. */
export interface Attributes {
  readonly [name: string]: string | number | boolean | undefined | ((event: Event) => void);
}

/** What stands in an element; `null` and `undefined` for nothing. */
export type Child = Node | string | number | null | undefined;

/**
 * Makes an element. An attribute whose value is a function listens to the event of its name (`click`, `submit`); `true`
 * stands alone, `false` and `undefined` are left out.
 */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, String(value));
  }
  fill(made, ...children);
  return made;
}

/** Makes the children all that stands in the element. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren(
    ...children.filter((child) => child !== null && child !== undefined).map((child) =>
      typeof child === "number" ? String(child) : child
    ),
  );
}
