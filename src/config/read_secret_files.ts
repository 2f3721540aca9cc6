import type * as z from "zod";
import type { ConfigProblem } from "./config_problem.ts";
import { type SchemaNode, schemaNode } from "./schema_node.ts";
import {
  formatPath,
  type SettingMap,
  type SettingNode,
  type SettingOrigin,
  type SettingPath,
  UNREAD,
} from "./setting_tree.ts";
import { childSchema } from "./setting_template.ts";

/** What became of reading a secret's file. */
export type SecretFileContent =
  | { readonly kind: "content"; readonly text: string; readonly isWorldReadable: boolean }
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Reads a secret's file, at most a few KiB of it. */
export type ReadSecretFile = (path: string) => SecretFileContent;

/** Settings in which every `…File` of a secret has become the secret. */
export interface SecretsRead {
  readonly node: SettingNode;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Puts the content of `passwordFile` into `password`, less one line end at its end. Where both are given, the one
 * that was said in the stronger place (flag, variable, file) holds; said in the same place, they contradict.
 */
export function readSecretFiles(root: SettingNode, schema: z.core.$ZodType, read: ReadSecretFile): SecretsRead {
  const problems: ConfigProblem[] = [];
  return { node: visit(root, schema, []), problems };

  function visit(node: SettingNode, expected: z.core.$ZodType, path: SettingPath): SettingNode {
    const here = schemaNode(expected);
    if (node.kind === "list") {
      const items = node.items.map((item, index) => {
        const element = childSchema(here, index);
        return element === undefined ? item : visit(item, element, [...path, index]);
      });
      return { ...node, items };
    }
    if (node.kind !== "map") return node;
    const entries = new Map(node.entries);
    for (const [key, entry] of node.entries) {
      const child = childSchema(here, key);
      if (child === undefined) continue;
      if (schemaNode(child).traits.secretFile === true) replace(entries, key, path, isSecretKey(here, siblingOf(key)));
      else entries.set(key, { ...entry, node: visit(entry.node, child, [...path, key]) });
    }
    return { ...node, entries };
  }

  function replace(entries: SettingMap["entries"], key: string, path: SettingPath, isSecret: boolean): void {
    const entry = entries.get(key);
    const node = entry?.node;
    if (entry === undefined || node?.kind !== "scalar" || typeof node.value !== "string" || node.value === "") return;
    const secretKey = siblingOf(key);
    const direct = entries.get(secretKey)?.node;
    const order = direct === undefined ? 1 : Math.sign(strength(node.origin) - strength(direct.origin));
    entries.delete(key);
    if (order < 0) return;
    const report = (message: string, severity: ConfigProblem["severity"] = "error") =>
      problems.push({ severity, origin: node.origin, path: formatPath([...path, key]), message });
    if (order === 0) return void report(`excludes ${secretKey}; give one of them`);
    const content = read(node.value);
    const name = JSON.stringify(node.value);
    const broken = content.kind === "missing"
      ? `names the file ${name}, which does not exist`
      : content.kind === "unreadable"
      ? `names the file ${name}, which cannot be read: ${content.reason}`
      : content.text.replace(/\r?\n$/, "") === ""
      ? `names the file ${name}, which is empty`
      : undefined;
    const text = content.kind === "content" && broken === undefined ? content.text.replace(/\r?\n$/, "") : undefined;
    if (broken !== undefined) report(broken);
    if (isSecret && content.kind === "content" && content.isWorldReadable) {
      report(`names the file ${name}, which every user of this machine can read; chmod 600`, "warning");
    }
    entries.set(secretKey, {
      keyOrigin: entry.keyOrigin,
      node: { kind: "scalar", value: text ?? UNREAD, isText: false, origin: node.origin },
    });
  }
}

function siblingOf(key: string): string {
  return key.slice(0, -"File".length);
}

function isSecretKey(section: SchemaNode, key: string): boolean {
  const schema = childSchema(section, key);
  return schema !== undefined && schemaNode(schema).traits.secret === true;
}

function strength(origin: SettingOrigin): number {
  return ["default", "file", "env", "flag"].indexOf(origin.kind);
}
