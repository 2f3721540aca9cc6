import type { ConfigProblem } from "./config_problem.ts";
import { formatPath, type SettingNode, type SettingPath, type SettingScalar, UNREAD } from "./setting_tree.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string>>;

/** Settings with their variables replaced, and what could not be. */
export interface Substituted {
  readonly node: SettingNode;
  /** The variables that the settings refer to, set or not. */
  readonly variables: ReadonlySet<string>;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Replaces `${VAR}` and `${VAR:-default}` in values; `$${` stands for `${` itself. Once and no deeper: what a
 * variable holds is data, neither a reference nor YAML. Keys are left alone.
 */
export function substituteVariables(root: SettingNode, environment: Environment): Substituted {
  const problems: ConfigProblem[] = [];
  const variables = new Set<string>();
  return { node: visit(root, []), variables, problems };

  function visit(node: SettingNode, path: SettingPath): SettingNode {
    switch (node.kind) {
      case "scalar":
        return typeof node.value === "string" && node.value.includes("${") ? replace(node, node.value, path) : node;
      case "list":
        return { ...node, items: node.items.map((item, index) => visit(item, [...path, index])) };
      case "map": {
        const entries = new Map(node.entries);
        for (const [key, entry] of node.entries) {
          entries.set(key, { ...entry, node: visit(entry.node, [...path, key]) });
        }
        return { ...node, entries };
      }
    }
  }

  function replace(node: SettingScalar, text: string, path: SettingPath): SettingNode {
    const problemsBefore = problems.length;
    const value = text.replace(REFERENCE, (reference: string, name?: string, fallback?: string) => {
      if (reference === "$${") return "${";
      if (name !== undefined) variables.add(name);
      const given = name === undefined ? undefined : environment[name];
      // As in a shell, `:-` also stands in for an empty variable.
      if (fallback !== undefined && (given === undefined || given === "")) return fallback;
      if (given !== undefined) return given;
      const message = name === undefined
        ? "has a ${ that begins no ${VARIABLE} or ${VARIABLE:-default}; write $${ for the two characters themselves"
        : `needs the environment variable ${name}, which is not set; set it, or write \${${name}:-default}`;
      problems.push({ severity: "error", origin: node.origin, path: formatPath(path), message });
      return "";
    });
    return { ...node, value: problems.length > problemsBefore ? UNREAD : value, isText: true, written: text };
  }
}

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|\$\{/g;
