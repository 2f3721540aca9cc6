import type { ProjectFile } from "./offence.ts";

const ROOT = new URL("../../", import.meta.url);
/** Made by programs, or none of our words. */
const SKIPPED = /(^|\/)(\.git|node_modules|dist|data|target|deno\.lock|LICENSE)$/;
const TEXT =
  /(\.(ts|tsx|js|json|md|yaml|yml|conf|sh|sql|html|css|xml|toml|service|env)|^Dockerfile|^\.ci\/run|^\.dockerignore|^\.editorconfig)$/;

/** Every text file of the project, in order of path. */
export async function projectFiles(folder = ""): Promise<ProjectFile[]> {
  const files: ProjectFile[] = [];
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (SKIPPED.test(path)) continue;
    if (entry.isDirectory) files.push(...await projectFiles(`${path}/`));
    else if (TEXT.test(path)) files.push({ path, text: await Deno.readTextFile(new URL(path, ROOT)) });
  }
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}
