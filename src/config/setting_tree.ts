/**
 * The settings that somebody gave, each with where it came from: what the file, the environment and the flags said,
 * laid over each other, before the schema has seen it.
 */
export type SettingNode = SettingScalar | SettingMap | SettingList;

export interface SettingScalar {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** Given as text whatever its type (variable, flag, `${VAR}`): the schema's type decides how it is read. */
  readonly isText: boolean;
  readonly origin: SettingOrigin;
  /** What stood in the file where `${VAR}` was replaced; problems show this, never the variable's value. */
  readonly written?: string;
}

export interface SettingMap {
  readonly kind: "map";
  readonly entries: Map<string, SettingEntry>;
  readonly origin: SettingOrigin;
}

export interface SettingEntry {
  readonly keyOrigin: SettingOrigin;
  readonly node: SettingNode;
}

export interface SettingList {
  readonly kind: "list";
  readonly items: SettingNode[];
  readonly origin: SettingOrigin;
}

/** Who said it. Lines and columns count from 1. */
export type SettingOrigin =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: "env"; readonly variable: string }
  | { readonly kind: "flag"; readonly flag: string };

/** Keys and indexes from the root down. */
export type SettingPath = readonly (string | number)[];

/** Stands for a value whose problem was reported where it was looked for; the schema's word on it is not wanted. */
export const UNREAD = "(unread)";

/** The plain value, as the schema reads it. */
export function plainValue(node: SettingNode): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plainValue);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plainValue(entry.node)]));
}

/** The node at a path; `undefined` where nobody said anything. */
export function nodeAt(root: SettingNode, path: SettingPath): SettingNode | undefined {
  let node: SettingNode | undefined = root;
  for (const step of path) node = node === undefined ? undefined : childOf(node, step);
  return node;
}

/** Where a path was given, or the nearest thing around it. With `key`, the position of the key itself. */
export function originAt(root: SettingNode, path: SettingPath, at: "value" | "key" = "value"): SettingOrigin {
  let node = root;
  let origin = root.origin;
  for (const [depth, step] of path.entries()) {
    const child = childOf(node, step);
    if (child === undefined) return origin;
    const keyOrigin = node.kind === "map" ? node.entries.get(String(step))?.keyOrigin : undefined;
    const isLast = depth === path.length - 1;
    origin = isLast && at === "value" ? child.origin : keyOrigin ?? child.origin;
    node = child;
  }
  return origin;
}

/** `sources.tasks.kafka.brokers[0]`; a key that is no plain word is quoted: `sources["a.b"]`. */
export function formatPath(path: SettingPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z0-9_-]+$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** A tree of a plain value, every part of one origin. */
export function settingTree(value: unknown, origin: SettingOrigin): SettingNode {
  if (Array.isArray(value)) return { kind: "list", items: value.map((item) => settingTree(item, origin)), origin };
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, child]): [string, SettingEntry] => [
      key,
      { keyOrigin: origin, node: settingTree(child, origin) },
    ]);
    return { kind: "map", entries: new Map(entries), origin };
  }
  const isScalar = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return { kind: "scalar", value: isScalar ? value : null, isText: false, origin };
}

function childOf(node: SettingNode, step: string | number): SettingNode | undefined {
  if (node.kind === "map") return node.entries.get(String(step))?.node;
  return node.kind === "list" ? node.items[Number(step)] : undefined;
}
