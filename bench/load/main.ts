/** The load process: `deno run -A bench/load/main.ts < job.json > result.json`. */
import type { LoadJob } from "../load_job.ts";
import { runChurn } from "./run_churn.ts";
import { runListen } from "./run_listen.ts";
import { runResume } from "./run_resume.ts";
import { runStorm } from "./run_storm.ts";
import { runTraffic } from "./run_traffic.ts";

// Our own runner writes it; a wrong one would fail below.
const job = JSON.parse(await new Response(Deno.stdin.readable).text()) as LoadJob;
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(await run(job))));
Deno.exit(0);

function run(job: LoadJob): unknown {
  switch (job.kind) {
    case "traffic":
      return runTraffic(job);
    case "resume":
      return runResume(job);
    case "storm":
      return runStorm(job);
    case "churn":
      return runChurn(job);
    case "listen":
      return runListen(job);
  }
}
