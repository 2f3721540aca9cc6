// deno-lint-ignore-file no-console -- a build step speaks to the terminal
/**
 * `deno task build:client`: makes one ES module and one file of types of each entry of src/client, in two forms.
 *
 * - src/http/client_assets.json, minified: the gateway serves it at `/client/`, and the executable embeds it. It is
 *   committed, so that nobody who runs the gateway needs a bundler; with `--check` it is only compared.
 * - dist/npm, or `--package=FOLDER`, readable: ready for `npm publish`.
 *
 * What an entry takes from another it imports from the other's module: two copies of an error's class are two classes.
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CLIENT = `${ROOT}src/client`;
const OUTPUT = `${ROOT}src/http/client_assets.json`;
const PACKAGE = argument("--package=") ?? `${ROOT}dist/npm`;

/** Folders of src/client, each with a `mod.ts`; the core is the package's own entry. */
const ENTRIES = ["core", "poll", "share", "react", "query"];
/** Modules of the same kind that an entry loads when it needs them; nobody else imports them. */
const LOADED_LATER = ["unite"];
/** Packages that the page has already, and the versions that will do. */
const PEERS: Readonly<Record<string, string>> = { "@tanstack/react-query": "^5.0.0", "react": "^18.2.0 || ^19.0.0" };
/** Browsers that have `AbortSignal.any`. */
const TARGET = ["chrome116", "firefox124", "safari17.4"];

const isCheck = Deno.args.includes("--check");
const modules: Record<string, string> = {};
const types: Record<string, string> = {};
const assets: Record<string, string> = {};
for (const entry of [...ENTRIES, ...LOADED_LATER]) {
  modules[`${entry}.js`] = await moduleOf(entry, false);
  types[`${entry}.d.ts`] = await typesOf(entry);
  assets[`${entry}.js`] = await moduleOf(entry, true);
}
await esbuild.stop();
await writePackage();
const text = `${JSON.stringify({ ...assets, ...types }, null, 2)}\n`;
if (!isCheck) await Deno.writeTextFile(OUTPUT, text);
else if (await Deno.readTextFile(OUTPUT) !== text) {
  console.error("src/http/client_assets.json is not what src/client makes: deno task build:client");
  Deno.exit(1);
}

async function moduleOf(entry: string, minify: boolean): Promise<string> {
  const { outputFiles: [bundle] } = await esbuild.build({
    entryPoints: [`${CLIENT}/${entry}/mod.ts`],
    bundle: true,
    format: "esm",
    target: TARGET,
    minify,
    legalComments: "none",
    write: false,
    plugins: [{
      name: "outside",
      setup: (build) => {
        build.onResolve({ filter: /./ }, ({ path, resolveDir, kind }) => {
          if (isPeer(path)) return { path, external: true };
          const owner = kind === "entry-point" ? entry : entryOf(join(resolveDir, path));
          return owner === entry ? undefined : { path: `./${owner}.js`, external: true };
        });
      },
    }],
  });
  if (bundle === undefined) throw new Error(`Cannot bundle ${entry}: the bundler gave no file`);
  return bundle.text;
}

async function typesOf(entry: string): Promise<string> {
  const bundle = await rollup({
    input: `${CLIENT}/${entry}/mod.ts`,
    external: (id, parent) => parent !== undefined && (isPeer(id) || entryOf(join(dirname(parent), id)) !== entry),
    plugins: [dts({ tsconfig: `${ROOT}tools/client_types.json` })],
  });
  const { output: [chunk] } = await bundle.generate({
    format: "es",
    paths: (id) => isPeer(id) ? id : `./${entryOf(id)}.js`,
  });
  await bundle.close();
  return chunk.code;
}

async function writePackage(): Promise<void> {
  const { version, license } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const manifest = {
    name: "@tidegate/client",
    version,
    description: "Events of a Tidegate gateway in browsers, Deno and Node: resumed, typed, each given once.",
    license,
    type: "module",
    sideEffects: false,
    exports: Object.fromEntries(ENTRIES.map((entry) => [
      entry === "core" ? "." : `./${entry}`,
      { types: `./${entry}.d.ts`, default: `./${entry}.js` },
    ])),
    peerDependencies: PEERS,
    peerDependenciesMeta: Object.fromEntries(Object.keys(PEERS).map((peer) => [peer, { optional: true }])),
  };
  await Deno.mkdir(PACKAGE, { recursive: true });
  await Deno.copyFile(`${ROOT}LICENSE`, `${PACKAGE}/LICENSE`);
  await Deno.copyFile(`${CLIENT}/README.md`, `${PACKAGE}/README.md`);
  const files = { "package.json": `${JSON.stringify(manifest, null, 2)}\n`, ...modules, ...types };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${PACKAGE}/${name}`, text);
}

function isPeer(path: string): boolean {
  return Object.keys(PEERS).some((peer) => path === peer || path.startsWith(`${peer}/`));
}

/** The entry that a file of src/client belongs to; the port for transports is the core's. */
function entryOf(path: string): string {
  const [folder = ""] = relative(CLIENT, path).split("/");
  return folder === "transport.ts" ? "core" : folder;
}

function argument(prefix: string): string | undefined {
  return Deno.args.find((text) => text.startsWith(prefix))?.slice(prefix.length);
}
