import { join } from "node:path";
import type {
  ChurnJob,
  ChurnResult,
  ListenResult,
  LoadJob,
  ResumeJob,
  ResumeResult,
  StormJob,
  StormResult,
  TrafficJob,
  TrafficResult,
} from "./load_job.ts";

/** Beyond the job's own time: for opening thousands of streams and for what is still on its way. */
const GRACE_MS = 90_000;

type ResultOf<Job extends LoadJob> = Job extends TrafficJob ? TrafficResult
  : Job extends ResumeJob ? ResumeResult
  : Job extends StormJob ? StormResult
  : Job extends ChurnJob ? ChurnResult
  : ListenResult;

/** Runs a job in a process of its own, with as many files as the machine allows. Ends it when it takes too long. */
export async function runLoad<Job extends LoadJob>(job: Job): Promise<ResultOf<Job>> {
  const program = join(import.meta.dirname ?? "", "load", "main.ts");
  const command = [Deno.execPath(), "run", "-A", program];
  // The kernel ends it when the bench dies, however that happens.
  const child = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", "sh", "-c", 'ulimit -n "$(ulimit -Hn)" && exec "$@"', "sh", ...command],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), ownTimeMs(job) + GRACE_MS);
  try {
    const writer = child.stdin.getWriter();
    const told = writer.write(new TextEncoder().encode(JSON.stringify(job))).then(() => writer.close());
    const [{ success, stdout, stderr }] = await Promise.all([child.output(), told]);
    const decoder = new TextDecoder();
    // What it complains of although it went on.
    if (success) Deno.stderr.writeSync(stderr);
    else throw new Error(`Cannot run a load: ${decoder.decode(stderr).trim() || "it took too long"}`);
    // The other end of load/main.ts.
    return JSON.parse(decoder.decode(stdout)) as ResultOf<Job>;
  } finally {
    clearTimeout(timer);
  }
}

function ownTimeMs(job: LoadJob): number {
  switch (job.kind) {
    case "traffic":
      return job.settleMs + job.warmUpMs + job.measureMs;
    case "resume":
    case "storm":
    case "listen":
      return job.timeoutMs;
    case "churn":
      return job.durationMs;
  }
}
