import { join } from "node:path";

/** Names the Apache Kafka of the tests. */
export const KAFKA_POM = new URL("../pom.xml", import.meta.url);

/**
 * The jars that a pom names, as a Java class path. Maven resolves them (and downloads what its
 * repository has not); its answer is kept in the user's cache folder for as long as the pom and the jars stay the same,
 * because asking Maven again costs 3 s a start.
 */
export async function mavenClasspath(pom: URL): Promise<string> {
  const text = await Deno.readFile(pom);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex().slice(0, 16);
  const folder = join(cacheFolder(), "tidegate-tests");
  const kept = join(folder, `classpath-${digest}.txt`);
  const known = await readIfComplete(kept);
  if (known !== null) return known;
  await Deno.mkdir(folder, { recursive: true });
  // Written beside and renamed: two test runs may resolve at once, and neither may read half a line.
  const part = await Deno.makeTempFile({ dir: folder });
  await askMaven(pom, part);
  await Deno.rename(part, kept);
  return await Deno.readTextFile(kept);
}

function cacheFolder(): string {
  return Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? Deno.cwd(), ".cache");
}

async function readIfComplete(path: string): Promise<string | null> {
  try {
    const classpath = await Deno.readTextFile(path);
    await Promise.all(classpath.split(":").map((jar) => Deno.stat(jar)));
    return classpath;
  } catch {
    return null;
  }
}

async function askMaven(pom: URL, outputFile: string): Promise<void> {
  const args = ["-q", "-B", "-f", pom.pathname, "dependency:build-classpath", `-Dmdep.outputFile=${outputFile}`];
  const { success, stdout } = await new Deno.Command("mvn", { args, stdin: "null" }).output().catch((cause) => {
    throw new Error("Cannot run Maven for Java's jars: there is no `mvn`. Install Java 17 and Maven (Debian: maven)", {
      cause,
    });
  });
  if (success) return;
  const said = new TextDecoder().decode(stdout).trim();
  throw new Error(`Cannot get the jars of ${pom.pathname}: Maven failed. It says:\n${said}`);
}
