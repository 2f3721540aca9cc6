/** What the tests' servers are started from, and how each comes onto a Debian machine. */
import { CHROMIUM } from "./chromium.ts";
import { postgresPrograms } from "./postgres_server.ts";
import { NCHAN_MODULE, NGINX } from "./nginx_server.ts";
import { SERVER_VARIABLES } from "./server_variables.ts";

/** Preloaded, it gives a process another clock. */
export const FAKETIME_LIBRARY = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketime.so.1`;

export interface Requirement {
  /** The Debian package that brings it. */
  readonly debianPackage: string;
  readonly isPresent: () => Promise<boolean>;
  /** The variable that can name a running server instead. */
  readonly variable?: string;
}

export const REQUIREMENTS: readonly Requirement[] = [
  {
    debianPackage: "redis-server",
    isPresent: () => runs("redis-server", "--version"),
    variable: SERVER_VARIABLES.redis,
  },
  {
    debianPackage: "default-jre-headless",
    isPresent: () => runs("java", "-version"),
    variable: SERVER_VARIABLES.kafka,
  },
  { debianPackage: "maven", isPresent: () => runs("mvn", "--version"), variable: SERVER_VARIABLES.kafka },
  { debianPackage: "postgresql", isPresent: () => resolves(postgresPrograms()), variable: SERVER_VARIABLES.postgres },
  { debianPackage: "nginx", isPresent: () => runs(NGINX, "-v") },
  { debianPackage: "libfaketime", isPresent: () => resolves(Deno.stat(FAKETIME_LIBRARY)) },
  { debianPackage: "libnginx-mod-nchan", isPresent: () => resolves(Deno.stat(NCHAN_MODULE)) },
  { debianPackage: "chromium", isPresent: () => runs(CHROMIUM, "--version"), variable: SERVER_VARIABLES.chromium },
];

/** Keeps Debian's packages from starting their services: ours listen on other ports, and nobody asked for more servers. */
const POLICY_FILE = "/usr/sbin/policy-rc.d";

/**
 * Makes sure that the servers for tests can be started: as root it installs what is missing from Debian's packages; otherwise
 * it throws an error that says what to install or which variable to set.
 */
export async function installServers(
  isRoot: boolean = Deno.uid() === 0,
  requirements: readonly Requirement[] = REQUIREMENTS,
): Promise<void> {
  const missing = await missingOf(requirements);
  if (missing.length === 0) return;
  const packages = missing.map((requirement) => requirement.debianPackage).join(" ");
  if (!isRoot) throw new Error(`Cannot start the servers for the tests: ${whatToDo(missing)}`);
  // deno-lint-ignore no-console -- it takes a minute, and somebody waits
  console.error(`Installing ${packages}`);
  await withoutServiceStarts(async () => {
    await apt(["update", "-q"]);
    await apt(["install", "-q", "-y", "--no-install-recommends", ...packages.split(" ")]);
  });
  const still = await missingOf(requirements);
  if (still.length > 0) {
    throw new Error(`Cannot start the servers for the tests, even after apt-get: ${whatToDo(still)}`);
  }
}

async function missingOf(requirements: readonly Requirement[]): Promise<Requirement[]> {
  const missing: Requirement[] = [];
  for (const requirement of requirements) {
    const isNamed = requirement.variable !== undefined && Deno.env.get(requirement.variable) !== undefined;
    if (!isNamed && !await requirement.isPresent()) missing.push(requirement);
  }
  return missing;
}

function whatToDo(missing: readonly Requirement[]): string {
  const packages = missing.map((requirement) => requirement.debianPackage);
  const variables = new Set(missing.flatMap((requirement) => requirement.variable ?? []));
  const install = `${packages.join(", ")} missing. Install: sudo apt-get install --no-install-recommends ${
    packages.join(" ")
  }`;
  if (variables.size === 0) return install;
  return `${install}\nor start the servers yourself and name them:\n` +
    [...variables].map((name) => `  ${name}=${EXAMPLES[name]}\n`).join("");
}

const EXAMPLES: Readonly<Record<string, string>> = {
  [SERVER_VARIABLES.redis]: "redis://127.0.0.1:6379",
  [SERVER_VARIABLES.kafka]: "127.0.0.1:9092",
  [SERVER_VARIABLES.chromium]: "/opt/chromium/chromium",
  [SERVER_VARIABLES.postgres]: "postgres://postgres@127.0.0.1:5432/postgres",
};

async function withoutServiceStarts(install: () => Promise<void>): Promise<void> {
  if (await resolves(Deno.lstat(POLICY_FILE))) return await install();
  await Deno.writeTextFile(POLICY_FILE, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await install();
  } finally {
    await Deno.remove(POLICY_FILE);
  }
}

async function apt(args: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("apt-get", {
    args: [...args],
    stdin: "null",
    env: { DEBIAN_FRONTEND: "noninteractive" },
  }).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(`Cannot run apt-get ${args.join(" ")}:\n${decoder.decode(stdout)}${decoder.decode(stderr)}`);
}

async function runs(program: string, argument: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: [argument], stdin: "null", stdout: "null", stderr: "null" })
      .output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function resolves(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch {
    return false;
  }
}
