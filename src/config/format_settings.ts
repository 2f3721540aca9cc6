import { stringify } from "yaml";
import { formatOrigin } from "./config_problem.ts";
import { formatPath, plainValue, type SettingNode, type SettingOrigin, type SettingPath } from "./setting_tree.ts";

/** One value that holds, and who said so. */
export interface SettingRow {
  readonly path: string;
  readonly value: unknown;
  readonly origin: SettingOrigin;
}

/** The settings as YAML, each value followed by its origin: `heartbeat: 15s # default`. */
export function formatSettings(settings: SettingNode): string {
  const lines: { text: string; origin: string }[] = [];
  visit(settings, "", "");
  const width = Math.min(
    MAX_ALIGNED_WIDTH,
    Math.max(0, ...lines.map(({ text, origin }) => origin === "" ? 0 : text.length)),
  );
  return lines.map(({ text, origin }) => origin === "" ? text : `${text.padEnd(width)} # ${origin}`).join("\n") + "\n";

  function visit(node: SettingNode, indent: string, head: string): void {
    if (isLeaf(node)) {
      lines.push({ text: `${head}${flowText(node)}`, origin: formatOrigin(node.origin) });
      return;
    }
    const isRoot = head === "";
    const below = isRoot ? "" : `${indent}  `;
    if (node.kind === "map") {
      // In a list the first key stands on the dash's line, as people write it.
      const isItem = head.endsWith("- ");
      if (!isRoot && !isItem) lines.push({ text: head.trimEnd(), origin: "" });
      let first = isItem;
      for (const [key, entry] of node.entries) {
        visit(entry.node, below, `${first ? head : below}${scalarText(key)}: `);
        first = false;
      }
    } else if (node.kind === "list") {
      lines.push({ text: head.trimEnd(), origin: "" });
      for (const item of node.items) visit(item, below, `${below}- `);
    }
  }
}

/** Longer lines have their origin right behind them. */
const MAX_ALIGNED_WIDTH = 64;

/** The settings one by one, in order. */
export function settingRows(settings: SettingNode, path: SettingPath = []): readonly SettingRow[] {
  if (isLeaf(settings)) return [{ path: formatPath(path), value: plainValue(settings), origin: settings.origin }];
  if (settings.kind === "map") {
    return [...settings.entries].flatMap(([key, entry]) => settingRows(entry.node, [...path, key]));
  }
  return settings.kind === "list" ? settings.items.flatMap((item, index) => settingRows(item, [...path, index])) : [];
}

/** A value that stands in one line: a scalar, an empty block, a list of scalars. */
function isLeaf(node: SettingNode): boolean {
  if (node.kind === "map") return node.entries.size === 0;
  return node.kind === "scalar" || node.items.every(({ kind }) => kind === "scalar");
}

function flowText(node: SettingNode): string {
  if (node.kind === "scalar") return scalarText(node.value);
  return node.kind === "map" ? "{}" : `[${node.items.map(flowText).join(", ")}]`;
}

function scalarText(value: unknown): string {
  // Quoted where a comma, bracket or anything else would be read as more than text in a flow list.
  return stringify([value], { collectionStyle: "flow", lineWidth: 0, blockQuote: false, flowCollectionPadding: false })
    .trim().slice(1, -1);
}
