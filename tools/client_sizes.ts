// deno-lint-ignore-file no-console -- a build step speaks to the terminal
/**
 * Bundles each entry of the client by itself, as a page would load it, and prints its size as JSON: bytes, minified and
 * gzipped. Run it with `--config=tools/bundler.json`.
 */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const CLIENT = fileURLToPath(new URL("../src/client", import.meta.url));

const sizes: Record<string, number> = {};
for (const entry of ["core", "poll", "share"]) {
  const { outputFiles: [bundle] } = await esbuild.build({
    entryPoints: [`${CLIENT}/${entry}/mod.ts`],
    bundle: true,
    format: "esm",
    target: ["chrome116", "firefox124", "safari17.4"],
    minify: true,
    legalComments: "none",
    write: false,
  });
  if (bundle === undefined) throw new Error(`Cannot bundle ${entry}: the bundler gave no file`);
  sizes[entry] = gzipSync(bundle.contents, { level: 9 }).length;
}
await esbuild.stop();
console.log(JSON.stringify(sizes));
