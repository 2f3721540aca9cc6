/** The machine and the programs that were measured, in one line. */
export async function describeMachine(): Promise<string> {
  const processor = /^model name\s*: (.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? "unknown processor";
  const memoryKB = Number(/^MemTotal:\s+(\d+)/m.exec(await Deno.readTextFile("/proc/meminfo"))?.[1] ?? 0);
  const nchan = /^Version: (.*)$/m.exec(await output("dpkg", "-s", "libnginx-mod-nchan"))?.[1] ?? "?";
  const nginx = /^Version: (.*)$/m.exec(await output("dpkg", "-s", "nginx"))?.[1] ?? "?";
  const commit = (await output("git", "rev-parse", "--short", "HEAD")).trim();
  return `${
    new Date().toISOString().slice(0, 10)
  }, commit ${commit}; ${navigator.hardwareConcurrency} cores (${processor}), ` +
    `${Math.round(memoryKB / 1_024 ** 2)} GB, Linux ${Deno.osRelease()}; Deno ${Deno.version.deno}; ` +
    `nginx ${nginx} with nchan ${nchan}, 1 worker`;
}

async function output(program: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(program, { args: [...args], stdin: "null", stderr: "null" }).output();
    return new TextDecoder().decode(stdout);
  } catch {
    return "";
  }
}
