import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The client's npm package in a folder of its own, built by the same command as a release's. */
export async function buildClient(...flags: readonly string[]): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await Deno.makeTempDir({ prefix: "tidegate-client-" });
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config=tools/bundler.json", "tools/build_client.ts", `--package=${folder}`, ...flags],
    cwd: ROOT,
  });
  const { code, stderr } = await command.output();
  if (code !== 0) throw new Error(`Cannot build the client: ${new TextDecoder().decode(stderr)}`);
  return { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}
