import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import type { ConfigProblem } from "./config_problem.ts";
import {
  formatPath,
  type SettingEntry,
  type SettingMap,
  type SettingNode,
  type SettingOrigin,
  type SettingPath,
} from "./setting_tree.ts";

/** Largest configuration file, in bytes. */
export const MAX_CONFIG_FILE_BYTES = 1_048_576;

/** Aliases can make a small file endless; no configuration comes near these. */
const MAX_NODES = 100_000;
const MAX_DEPTH = 64;
const MAX_SYNTAX_PROBLEMS = 20;

/** Mistakes after which the rest of the text still means what it says; any other is the last one that is named. */
const HARMLESS: ReadonlySet<string> = new Set(["TAB_AS_INDENT", "TAG_RESOLVE_FAILED", "BAD_DQ_ESCAPE"]);

/** What a YAML text says. When `problems` is not empty the settings are what could be read nevertheless. */
export interface ReadYAML {
  readonly settings: SettingMap;
  readonly problems: readonly ConfigProblem[];
}

/** Reads YAML 1.2 (core schema, one document, a map at its root). Never throws, whatever the text. */
export function readYAML(file: string, text: string): ReadYAML {
  const root: SettingOrigin = { kind: "file", file, line: 1, column: 1 };
  const none: SettingMap = { kind: "map", entries: new Map(), origin: root };
  const refused = (message: string): ReadYAML => ({
    settings: none,
    problems: [{ severity: "error", origin: root, path: "", message }],
  });
  if (new TextEncoder().encode(text).length > MAX_CONFIG_FILE_BYTES) {
    return refused("the file is larger than 1 MiB, the most that is read");
  }
  if (text.startsWith("\uFEFF")) return refused("the file begins with a byte order mark; save it as UTF-8 without one");
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    // No pretty errors: they quote the line, and the line may hold a secret.
    document = parseDocument(text, {
      version: "1.2",
      schema: "core",
      prettyErrors: false,
      lineCounter: lines,
      uniqueKeys: false,
    });
  } catch {
    return refused("the file is not YAML that can be read");
  }
  const reader = new YAMLReader(file, lines, document);
  return reader.read(none);
}

/** One walk over a parsed document; collects every problem on the way. */
class YAMLReader {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #document: Document.Parsed;
  readonly #problems: ConfigProblem[] = [];
  readonly #open = new Set<Node>();
  #nodes = 0;
  #isExhausted = false;

  constructor(file: string, lines: LineCounter, document: Document.Parsed) {
    this.#file = file;
    this.#lines = lines;
    this.#document = document;
  }

  read(none: SettingMap): ReadYAML {
    const { errors, warnings, contents, directives } = this.#document;
    if (directives.yaml.version !== "1.2") this.#refuse(none.origin, [], "asks for YAML 1.1; only YAML 1.2 is read");
    const syntax = [...errors, ...warnings].sort((left, right) => left.pos[0] - right.pos[0]);
    for (const error of syntax.slice(0, MAX_SYNTAX_PROBLEMS)) {
      this.#refuse(this.#origin(error.pos[0]), [], syntaxMessage(error));
      if (!HARMLESS.has(error.code)) break;
    }
    // What follows a syntax error is guesswork, and so would be every problem found in the settings.
    if (this.#problems.length > 0 || contents === null) return { settings: none, problems: this.#problems };
    if (isScalar(contents) && contents.value === null) return { settings: none, problems: [] };
    if (!isMap(contents)) {
      this.#refuse(this.#origin(contents.range[0]), [], "the file must be a map of sections, such as `server:`");
      return { settings: none, problems: this.#problems };
    }
    const settings = this.#readMap(contents, [], this.#origin(contents.range[0]));
    return { settings, problems: this.#problems };
  }

  #readNode(node: unknown, path: SettingPath, keyOrigin: SettingOrigin): SettingNode {
    if (this.#isTooLarge(path, keyOrigin)) return { kind: "scalar", value: null, isText: false, origin: keyOrigin };
    const origin = this.#originOf(node) ?? keyOrigin;
    if (isAlias(node)) return this.#readAlias(node.source, node.resolve(this.#document), path, origin);
    if (isMap(node)) return this.#readMap(node, path, origin);
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.#readNode(item, [...path, index], origin));
      return { kind: "list", items, origin };
    }
    const value = isScalar(node) ? node.value : null;
    if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      return { kind: "scalar", value, isText: false, origin };
    }
    this.#refuse(origin, path, "must be text, a number, true, false, a list or a map");
    return { kind: "scalar", value: null, isText: false, origin };
  }

  /** Says so once; from then on nothing more is read. */
  #isTooLarge(path: SettingPath, origin: SettingOrigin): boolean {
    if (this.#isExhausted) return true;
    this.#nodes++;
    if (this.#nodes <= MAX_NODES && path.length <= MAX_DEPTH) return false;
    this.#isExhausted = true;
    const limit = path.length > MAX_DEPTH ? `nested deeper than ${MAX_DEPTH}` : `larger than ${MAX_NODES} values`;
    this.#refuse(origin, [], `the file is ${limit} when its aliases are followed`);
    return true;
  }

  #readAlias(name: string, target: Node | undefined, path: SettingPath, origin: SettingOrigin): SettingNode {
    if (target !== undefined && !this.#open.has(target)) {
      this.#open.add(target);
      const read = this.#readNode(target, path, origin);
      this.#open.delete(target);
      return read;
    }
    const state = target === undefined ? "is defined nowhere above" : "contains itself";
    this.#refuse(origin, path, `refers to the anchor ${JSON.stringify(name)}, which ${state}`);
    return { kind: "scalar", value: null, isText: false, origin };
  }

  #readMap(map: YAMLMap, path: SettingPath, origin: SettingOrigin): SettingMap {
    const entries = new Map<string, SettingEntry>();
    for (const pair of map.items) {
      const keyOrigin = this.#originOf(pair.key) ?? origin;
      const key = keyText(pair);
      if (key === undefined || key === "__proto__") {
        this.#refuse(keyOrigin, path, "has a key that is not a plain word");
        continue;
      }
      const node = this.#readNode(pair.value, [...path, key], keyOrigin);
      if (entries.has(key)) this.#refuse(keyOrigin, [...path, key], "stands twice in this map; keep one");
      else entries.set(key, { keyOrigin, node });
    }
    return { kind: "map", entries, origin };
  }

  #originOf(node: unknown): SettingOrigin | undefined {
    return isNode(node) && node.range ? this.#origin(node.range[0]) : undefined;
  }

  #origin(offset: number): SettingOrigin {
    const { line, col } = this.#lines.linePos(offset);
    return { kind: "file", file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  #refuse(origin: SettingOrigin, path: SettingPath, message: string): void {
    this.#problems.push({ severity: "error", origin, path: formatPath(path), message });
  }
}

/** A key as written: `1` and `true` are keys too, in tables. */
function keyText(pair: Pair): string | undefined {
  if (!isScalar(pair.key) || pair.key.value === null) return undefined;
  return typeof pair.key.value === "string" ? pair.key.value : pair.key.source ?? String(pair.key.value);
}

/** By code, because the library's own messages may quote the text. */
function syntaxMessage(error: YAMLError): string {
  switch (error.code) {
    case "TAB_AS_INDENT":
      return "a tab indents this line; YAML takes spaces only";
    case "BAD_INDENT":
      return "the indentation does not fit what stands above";
    case "MISSING_CHAR":
      return "a closing quote, bracket, comma or colon is missing";
    case "UNEXPECTED_TOKEN":
      return "something stands here that does not belong; inside [ ] and { } a value with braces needs quotes";
    case "MULTIPLE_DOCS":
      return "a second document begins here (---); a configuration is one";
    case "BAD_DQ_ESCAPE":
      return "a backslash in double quotes is followed by something that is no escape; use single quotes for plain text";
    case "MULTILINE_IMPLICIT_KEY":
      return "this is neither a value nor `key: value`; a colon or the indentation may be missing";
    case "BLOCK_AS_IMPLICIT_KEY":
    case "BLOCK_IN_FLOW":
      return "a block stands where only a value in one line may; a quote or a line break may be missing";
    case "BAD_SCALAR_START":
      return "a plain value may not begin with this character; put it in quotes";
    case "TAG_RESOLVE_FAILED":
      return "tags such as !name are not taken";
    case "RESOURCE_EXHAUSTION":
      return "the nesting is too deep to be read";
    case "BAD_COLLECTION_TYPE":
      return "the tag and the value do not fit together";
    default:
      return `this is not valid YAML (${error.code.toLowerCase().replaceAll("_", "-")})`;
  }
}
