/** What a Dockerfile's COPY lines take from the build context that none of the paths is, or lies in. */
export function missingCopySources(dockerfile: string, paths: readonly string[]): string[] {
  const missing: string[] = [];
  for (const [, rest = ""] of dockerfile.matchAll(/^COPY\s+(?!--from)(.+)$/gm)) {
    const sources = rest.split(/\s+/).filter((word) => !word.startsWith("--")).slice(0, -1);
    missing.push(
      ...sources.filter((source) =>
        !paths.some((path) => path === source || path.startsWith(`${source.replace(/\/$/, "")}/`))
      ),
    );
  }
  return missing;
}
