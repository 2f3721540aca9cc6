import { posix } from "node:path";
import { lineAt, type Offence, type ProjectFile } from "./offence.ts";
import { syntaxNodes } from "./syntax_nodes.ts";

/** The folders of src from the top down, as docs/architecture.md lists them: an import goes down, never up and never across. */
export const LAYERS: readonly (readonly string[])[] = [
  ["cli"],
  ["gateway"],
  ["http"],
  ["admin"],
  ["stream", "history"],
  ["bus", "outbox", "pipeline", "replay", "broadcast", "access", "guard"],
  ["wire"],
  ["model"],
  ["config", "metrics", "log"],
];

/** What ships to browsers, and the words that everybody shares: they import nothing of the project outside themselves. */
const SELF_CONTAINED: readonly string[] = ["model", "client", "console"];

/** Packages that only one folder may know, so that they can be replaced there. */
const ONLY_IN: Readonly<Record<string, string>> = {
  kafkajs: "src/bus/kafka/",
  ioredis: "src/bus/redis/",
  pg: "src/outbox/",
};

type Import =
  | Deno.lint.ImportDeclaration
  | Deno.lint.ExportNamedDeclaration
  | Deno.lint.ExportAllDeclaration
  | Deno.lint.ImportExpression;

/** Imports of a file of src that go up or across the layers, leave src, or name a package that belongs to another folder. */
export function layerOffences(file: ProjectFile): Offence[] {
  const offences: Offence[] = [];
  for (
    const node of syntaxNodes<Import>(
      file,
      "ImportDeclaration, ExportNamedDeclaration, ExportAllDeclaration, ImportExpression",
    )
  ) {
    const source = node.source;
    if (source?.type !== "Literal" || typeof source.value !== "string") continue;
    const message = importOffence(file.path, source.value);
    if (message !== null) offences.push({ path: file.path, line: lineAt(file.text, node.range[0]), message });
  }
  return offences;
}

function importOffence(path: string, specifier: string): string | null {
  if (/^(npm|jsr|https?):/.test(specifier)) {
    return `"${specifier}": name the package in deno.json and import it by its bare name`;
  }
  if (!specifier.startsWith(".")) {
    const home = ONLY_IN[specifier];
    return home === undefined || path.startsWith(home)
      ? null
      : `"${specifier}" belongs to ${home} alone: go through what that folder exports`;
  }
  const target = posix.join(posix.dirname(path), specifier);
  // The version has one home, and what ships embeds it.
  if (target === "deno.json") return null;
  const [from, to] = [folderOf(path), folderOf(target)];
  if (from === null || from === to) return null;
  if (to === null) return `"${specifier}" leaves src: what ships may not import ${target}`;
  if (SELF_CONTAINED.includes(from)) {
    return `src/${from} imports nothing of the project outside itself, but here src/${to}`;
  }
  const [fromLayer, toLayer] = [layerOf(from), layerOf(to)];
  if (fromLayer === -1) {
    return `src/${from} is in no layer: give it one in tests/tidy/layers.ts and in docs/architecture.md`;
  }
  if (toLayer > fromLayer || SELF_CONTAINED.includes(to)) return null;
  return toLayer === fromLayer
    ? `src/${from} may not import src/${to}: they are on one level. What both need goes further down`
    : `src/${from} may not import src/${to}: imports go down the layers only`;
}

/** `src/bus/kafka/fetch.ts` → `bus`; null for what is not in a folder of src. */
function folderOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}

function layerOf(folder: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folder));
}
