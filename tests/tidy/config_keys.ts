/** The names of the settings in a JSON Schema, at any depth; not the names that users choose (of a source, a mapping). */
export function configKeys(schema: unknown): string[] {
  const keys = new Set<string>();
  const open = [schema];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== "object" || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      if (key === "default" || key === "const" || key === "enum" || key === "examples") continue;
      if (key === "properties" && typeof value === "object" && value !== null) {
        for (const name of Object.keys(value)) keys.add(name);
        open.push(...Object.values(value));
      } else open.push(value);
    }
  }
  return [...keys].sort();
}
