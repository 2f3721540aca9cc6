import type * as z from "zod";
import { allowedValues } from "./allowed_values.ts";
import { RELATIONS } from "./relations.ts";
import { configSchema } from "./schema.ts";
import { type SchemaNode, schemaNode } from "./schema_node.ts";
import { settingTemplates, variableName } from "./setting_template.ts";

/** `docs/configuration.md`, made from the schema. */
export function configurationDocument(): string {
  const sections = grouped(blocksOf(schemaNode(configSchema), "")).flatMap(blockText);
  const relations = RELATIONS.map(({ rule, severity }) => `- ${rule}${severity === "warning" ? " (A warning.)" : ""}`);
  return [INTRODUCTION, ...sections, "## Relations", RELATIONS_TEXT, relations.join("\n"), ""].join("\n\n").replace(
    /\n+$/,
    "\n",
  );
}

/** One table of the document: a map of settings, and every place where it stands. */
interface Block {
  readonly paths: readonly string[];
  readonly node: SchemaNode;
  readonly shape: Readonly<Record<string, z.core.$ZodType>>;
}

/** The tables below a place of the configuration, the outer before the inner. */
function blocksOf(node: SchemaNode, path: string, open: readonly unknown[] = []): readonly Block[] {
  // A nested field list contains itself.
  if (open.includes(node.base)) return [];
  const def = node.base._zod.def;
  const below = [...open, node.base];
  switch (def.type) {
    case "object": {
      const inner = Object.entries(def.shape).flatMap(([key, child]) =>
        blocksOf(schemaNode(child), path === "" ? key : `${path}.${key}`, below)
      );
      return [{ paths: [path], node, shape: def.shape }, ...inner];
    }
    case "record":
      return blocksOf(schemaNode(def.valueType), `${path}.<name>`, below);
    case "array":
      return blocksOf(schemaNode(def.element), `${path}[]`, below);
    case "union":
      return def.options.flatMap((option) => blocksOf(schemaNode(option), path, below));
    default:
      return [];
  }
}

/** Maps that are the same wherever they stand, once: at the first place, with the others named. */
function grouped(blocks: readonly Block[]): readonly Block[] {
  const byShape = new Map<Block["shape"], Block>();
  for (const block of blocks) {
    const first = byShape.get(block.shape) ?? { ...block, paths: [] };
    byShape.set(block.shape, { ...first, paths: [...first.paths, ...block.paths] });
  }
  return [...byShape.values()];
}

function blockText({ paths, node, shape }: Block): readonly string[] {
  const [path = ""] = paths;
  const isSection = !path.includes(".") && !path.includes("[");
  const names = paths.map((each) => `\`${each}\``).join(", ");
  const title = path === "" ? "## Sections" : `${isSection ? "##" : "###"} ${names}`;
  const rows = Object.entries(shape).map(([key, schema]) => rowText(key, path, schemaNode(schema)));
  const table = ["| setting | value | default | meaning | variable |", "| --- | --- | --- | --- | --- |", ...rows];
  const introduction = node.description === undefined ? [] : [node.description];
  return [title, ...introduction, table.join("\n")];
}

function rowText(key: string, path: string, node: SchemaNode): string {
  const value = allowedValues(node).replace(/, with its unit: .*$/, "") +
    (node.traits.secret === true ? " (secret)" : "");
  const cells = [`\`${key}\``, value, defaultText(node), node.description ?? "", variableText(key, path)];
  return `| ${cells.map(cellText).join(" | ")} |`;
}

/** Text as Markdown of one cell; what stands in backticks is code already. */
function cellText(text: string): string {
  const parts = text.replaceAll("\n", " ").replaceAll("|", "\\|").split(/(`[^`]*`)/);
  return parts.map((part, index) => index % 2 === 1 ? part : part.replace(/[*<_]/g, "\\$&")).join("");
}

function defaultText(node: SchemaNode): string {
  const { defaultInput, isOptional } = node;
  if (defaultInput === undefined) return isOptional ? "" : "required";
  const isEmptyMap = typeof defaultInput === "object" && defaultInput !== null && !Array.isArray(defaultInput) &&
    Object.keys(defaultInput).length === 0;
  if (isEmptyMap) return "";
  return `\`${typeof defaultInput === "string" ? defaultInput : JSON.stringify(defaultInput)}\``;
}

const TEMPLATES = new Map(
  settingTemplates(configSchema).map(({ path }) => [
    path.join(".").replaceAll("*", "<name>").replaceAll(".#", "[]"),
    variableName(path),
  ]),
);

function variableText(key: string, path: string): string {
  const variable = TEMPLATES.get(path === "" ? key : `${path}.${key}`);
  return variable === undefined ? "" : `\`${variable}\``;
}

const RELATIONS_TEXT = "What several settings owe each other. Checked at start, after each setting for itself.";

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Made from src/config by \`deno task tidegate config docs\`; a test holds it equal. -->

# Configuration

Tidegate starts without any configuration. With one, it reads a single YAML file: the one that \`--config\` or the
variable \`TIDEGATE_CONFIG\` names, else \`${"tidegate.yaml"}\` in the working directory if it is there. A configuration with a
mistake never starts; all mistakes are named at once, each with file, line and what is allowed.

\`\`\`sh
tidegate config check     # is it right? exit code 0 or 1
tidegate config print     # what holds, and who said so: default, file and line, variable, flag
tidegate config schema    # JSON Schema, for editors (docs/tidegate.schema.json)
\`\`\`

**Order.** Defaults, over them the file, over it the environment, over it the flags. Every setting that is plain text, a
number, a boolean or a list of them has a variable: \`streams.sendQueue.maxFrames\` is
\`TIDEGATE_STREAMS_SEND_QUEUE_MAX_FRAMES\`. Lists are separated by commas. \`<NAME>\` is the name of an entry in capitals
(\`TIDEGATE_SOURCES_TASKS_KAFKA_TOPIC\`), \`<N>\` a position from 0. Flags: \`--set streams.heartbeat=20s\`, and short forms
such as \`--port\`. A variable that begins with \`TIDEGATE_\` and is no setting is a mistake, except \`TIDEGATE_CONFIG\`,
\`TIDEGATE_DEVELOPMENT_SECRET\` (of \`tidegate token\`) and \`TIDEGATE_TEST_…\`.

**Units.** Durations and sizes are written with their unit: \`250ms\`, \`15s\`, \`10m\`, \`24h\`, \`7d\`; \`512B\`, \`64KiB\`, \`1MiB\`,
\`2GiB\`. A bare number is refused, because it would have to be guessed.

**Variables in the file.** \`\${VAR}\` and \`\${VAR:-default}\` in a value stand for a variable's text, once: what it holds is data,
neither another reference nor YAML. A variable that is not set is a mistake unless there is a default. \`$\${\` is \`\${\` itself.

**Secrets** (\`password\`, \`secret\`, \`url\`, \`key\`) have a twin that ends in \`File\` and names a file with the value, so
that the secret stands neither in the configuration nor in the environment. The line end at its end is dropped. A file that
every user can read is warned about. Secrets are never printed. Paths are relative to the working directory.

**YAML** is version 1.2: \`yes\` and \`on\` are text, not \`true\`. Refused: more than 1 MiB, a byte order mark, tabs as
indentation, two documents, a key twice, tags, aliases that make more than 100,000 values.`;
