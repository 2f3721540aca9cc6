import { lineAt, type Offence, type ProjectFile } from "../tidy/offence.ts";
import { withoutFences } from "./code_block.ts";

/** Links of the documents to files, folders and headings of the project that are not there. */
export function brokenLinks(documents: readonly ProjectFile[], paths: ReadonlySet<string>): Offence[] {
  const anchors = new Map(documents.map(({ path, text }) => [path, anchorsOf(text)]));
  return documents.flatMap(({ path, text }) => {
    const prose = withoutFences(text);
    return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
      const [, link = ""] = match;
      if (/^[a-z]+:/.test(link)) return [];
      const { pathname, hash } = new URL(link, `file:///${path}`);
      const target = decodeURIComponent(pathname.slice(1)).replace(/\/$/, "");
      const at = (message: string) => [{ path, line: lineAt(prose, match.index), message: `${link}: ${message}` }];
      if (!paths.has(target)) return at("there is no such file");
      if (hash === "" || anchors.get(target)?.has(decodeURIComponent(hash.slice(1)))) return [];
      return at("it has no such heading");
    });
  });
}

/** Every path that can be linked: the files, and the folders they are in. */
export function linkable(files: readonly ProjectFile[]): ReadonlySet<string> {
  const folders = files.flatMap(({ path }) =>
    path.split("/").map((_, depth, parts) => parts.slice(0, depth).join("/"))
  );
  return new Set([...files.map(({ path }) => path), ...folders, "LICENSE"]);
}

/** As GitHub makes them: lower case, only letters, digits, hyphens and underscores, spaces as hyphens, repeats numbered. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutFences(text).matchAll(/^#+ (.+)$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1");
    const slug = plain.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-");
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}
