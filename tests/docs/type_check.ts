import type { CodeBlock } from "./code_block.ts";

const ROOT = new URL("../../", import.meta.url);
/** What the reader's own page or program has; see there. */
const READER = new URL("reader.d.ts", import.meta.url).href;

/**
 * What the compiler says of the TypeScript and JavaScript of documents, each block a module; `@tidegate/client` is what deno.json maps it to.
 * JavaScript is checked for names and calls alone: nobody writes types into it.
 */
export async function typeProblems(blocks: readonly CodeBlock[]): Promise<string[]> {
  const typed = blocks.filter(({ language }) => language !== "js");
  const untyped = blocks.filter(({ language }) => language === "js");
  return [
    ...await check(typed, { strict: true, noUncheckedIndexedAccess: true }),
    ...await check(untyped, { strict: false, checkJs: true }),
  ];
}

async function check(blocks: readonly CodeBlock[], strictness: Readonly<Record<string, boolean>>): Promise<string[]> {
  if (blocks.length === 0) return [];
  const folder = await Deno.makeTempDir({ prefix: "tidegate-docs-" });
  try {
    const { imports, compilerOptions } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    const settings = {
      imports: Object.fromEntries(
        Object.entries<string>(imports).map(([name, to]) => [name, to.startsWith("./") ? new URL(to, ROOT).href : to]),
      ),
      nodeModulesDir: "none",
      compilerOptions: {
        jsx: compilerOptions.jsx,
        jsxImportSource: compilerOptions.jsxImportSource,
        jsxImportSourceTypes: compilerOptions.jsxImportSourceTypes,
        lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable", "deno.ns"],
        types: [READER],
        ...strictness,
      },
    };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(settings));
    const names = blocks.map((block) => `${block.path.replaceAll("/", "-")}_${block.line}.${block.language}`);
    for (const [index, { text }] of blocks.entries()) {
      await Deno.writeTextFile(`${folder}/${names[index]}`, `${text}\nexport {};\n`);
    }
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", ...names],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    // A block's line 1 is the document's line in its file's name.
    return code === 0 ? [] : [new TextDecoder().decode(stderr).replaceAll(`file://${folder}/`, "")];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
