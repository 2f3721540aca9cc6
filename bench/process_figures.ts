/** What Linux says about processes in /proc. */

/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux that Deno runs on. */
const TICKS_A_SECOND = 100;
const KB_A_MB = 1_024;

/** CPU seconds, user and system, all threads, that the processes have used since they began. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The second field is the program's name in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_A_SECOND;
}

/** CPU seconds that all processes together have used since the machine started. */
export function busyCPUSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , hardInterrupt = 0, softInterrupt = 0] =
    /^cpu +(.*)$/m.exec(Deno.readTextFileSync("/proc/stat"))?.[1]?.split(" ").map(Number) ?? [];
  return (user + nice + system + hardInterrupt + softInterrupt) / TICKS_A_SECOND;
}

/** Memory that the processes hold now, and the most that they ever held, in MB; pages that they share count for each. */
export function memoryMB(pids: readonly number[]): { readonly rssMB: number; readonly peakMB: number } {
  let rssKB = 0;
  let peakKB = 0;
  for (const pid of pids) {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    rssKB += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    peakKB += Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return { rssMB: rssKB / KB_A_MB, peakMB: peakKB / KB_A_MB };
}

/** The processes that a process has started and that still run. */
export function childrenOf(pid: number): readonly number[] {
  return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter((text) => text !== "")
    .map(Number);
}
