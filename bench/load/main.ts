/** Runs one load: `deno run -A bench/load/main.ts < job.json > result.json`. */
import type { LoadJob } from "../load_job.ts";
import { runLoad } from "./run_load.ts";

// Our own runner writes it; a wrong one would fail below.
const job = JSON.parse(await new Response(Deno.stdin.readable).text()) as LoadJob;
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(runLoad(job))));
Deno.exit(0);
