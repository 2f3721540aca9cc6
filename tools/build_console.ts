// deno-lint-ignore-file no-console -- a build step speaks to the terminal
/**
 * `deno task build:console`: bundles src/console into src/http/console_assets.json, which the gateway serves and the
 * executable embeds. The result is committed, so that nobody who runs the gateway needs a bundler; with `--check` it is
 * only compared.
 *
 * The bundler has a configuration and a lock file of its own: `deno compile` embeds every package of the project's.
 */
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SOURCE = `${ROOT}src/console`;
const OUTPUT = `${ROOT}src/http/console_assets.json`;

const { outputFiles: [bundle] } = await esbuild.build({
  entryPoints: [`${SOURCE}/console.ts`],
  bundle: true,
  format: "esm",
  // Browsers that have light-dark(), which the style needs anyway.
  target: ["chrome123", "firefox120", "safari17.5"],
  minify: true,
  legalComments: "none",
  write: false,
});
await esbuild.stop();
if (bundle === undefined) throw new Error("Cannot bundle the console: the bundler gave no file");
const assets = {
  page: await Deno.readTextFile(`${SOURCE}/page.html`),
  style: await Deno.readTextFile(`${SOURCE}/style.css`),
  icon: await Deno.readTextFile(`${SOURCE}/icon.svg`),
  script: bundle.text.trimEnd(),
};
const text = `${JSON.stringify(assets, null, 2)}\n`;
if (!Deno.args.includes("--check")) await Deno.writeTextFile(OUTPUT, text);
else if (await Deno.readTextFile(OUTPUT) !== text) {
  console.error("src/http/console_assets.json is not what src/console makes: deno task build:console");
  Deno.exit(1);
}
