import type { Explanation } from "../admin/explanation.ts";
import { coloursOfOutput } from "./colours.ts";
import { type Command, EXIT_CODES, runCommand, usageProblem } from "./command.ts";
import { print, printable, printProblem } from "./print.ts";
import { refusalText, REMOTE_FLAGS, remoteOf } from "./remote.ts";

/** `tidegate explain`: resolves with the exit code. */
export async function explain(args: readonly string[]): Promise<number> {
  return await runCommand(EXPLAIN, args);
}

const FLAGS = {
  sub: { value: "NAME", help: "Whom it should have reached." },
  scope: { value: "SCOPE", help: "Without IDENTITY: where such an event would go." },
  event: { value: "NAME", help: "Without IDENTITY: its name." },
  json: { help: "Print JSON." },
  ...REMOTE_FLAGS,
} as const;

const EXPLAIN: Command<typeof FLAGS> = {
  name: "explain",
  usage: ["explain IDENTITY [--sub NAME] [flags]", "explain --scope SCOPE --event NAME [--sub NAME] [flags]"],
  about: [
    "Why did this user get, or not get, this event? Asks a running gateway on its admin port. IDENTITY is what the",
    "event's id begins with, such as events:0:42. Exit code 0 when it goes out to whom was asked about, else 1.",
  ].join("\n"),
  flags: FLAGS,
  run: async (flags, [identity, extra]) => {
    if (extra !== undefined) return usageProblem("explain", `${JSON.stringify(extra)} is one argument too many`);
    if (identity === undefined && (flags.scope === undefined || flags.event === undefined)) {
      return usageProblem("explain", "it needs an event's IDENTITY, or --scope and --event");
    }
    const remote = await remoteOf(flags, "operator");
    if (remote === undefined) return EXIT_CODES.problem;
    const query = new URLSearchParams();
    const asked = { identity, subject: flags.sub, scope: flags.scope, event: flags.event };
    for (const [name, value] of Object.entries(asked)) if (value !== undefined) query.set(name, value);
    const response = await fetch(`${remote.url}/admin/v1/explain?${query}`, { headers: remote.headers });
    if (!response.ok) {
      printProblem(printable(`Cannot explain it: ${await refusalText(response)}`));
      return EXIT_CODES.problem;
    }
    // The gateway's own answer; another version may have added fields.
    const answer = await response.json() as Explanation;
    print(flags.json ? JSON.stringify(answer) : textOf(answer));
    return answer.verdict === "matches" ? EXIT_CODES.ok : EXIT_CODES.problem;
  },
};

function textOf({ verdict, summary, steps }: Explanation): string {
  const { strong, quiet, good, bad } = coloursOfOutput();
  const mark = (ok: boolean | null) => ok === null ? quiet("?") : ok ? good("✓") : bad("✗");
  const lines = steps.map(({ ok, text }) => `  ${mark(ok)} ${printable(text)}`);
  return [`${strong(printable(verdict))}: ${printable(summary)}`, ...lines].join("\n");
}
