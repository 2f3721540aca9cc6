import { join } from "node:path";

const POM = new URL("../pom.xml", import.meta.url);

/**
 * The jars of the Apache Kafka that tests/pom.xml names, as a Java class path. Maven resolves them (and downloads what its
 * repository has not); its answer is kept in the user's cache folder for as long as the pom and the jars stay the same,
 * because asking Maven again costs 3 s a start.
 */
export async function kafkaClasspath(): Promise<string> {
  const pom = await Deno.readFile(POM);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", pom)).toHex().slice(0, 16);
  const folder = join(cacheFolder(), "tidegate-tests");
  const kept = join(folder, `kafka-classpath-${digest}.txt`);
  const known = await readIfComplete(kept);
  if (known !== null) return known;
  await Deno.mkdir(folder, { recursive: true });
  // Written beside and renamed: two test runs may resolve at once, and neither may read half a line.
  const part = await Deno.makeTempFile({ dir: folder });
  await askMaven(part);
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

async function askMaven(outputFile: string): Promise<void> {
  const args = ["-q", "-B", "-f", POM.pathname, "dependency:build-classpath", `-Dmdep.outputFile=${outputFile}`];
  const { success, stdout } = await new Deno.Command("mvn", { args, stdin: "null" }).output().catch((cause) => {
    throw new Error("Cannot run Maven for Kafka's jars: there is no `mvn`. Install Java 17 and Maven (Debian: maven)", {
      cause,
    });
  });
  if (success) return;
  const said = new TextDecoder().decode(stdout).trim();
  throw new Error(`Cannot get Kafka's jars: Maven failed. It says:\n${said}`);
}
