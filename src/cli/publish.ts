import { type Command, EXIT_CODES, runCommand, usageProblem } from "./command.ts";
import { print, printable, printProblem } from "./print.ts";
import { refusalText, REMOTE_FLAGS, remoteOf } from "./remote.ts";

/** `tidegate publish`: resolves with the exit code. */
export async function publish(args: readonly string[]): Promise<number> {
  return await runCommand(PUBLISH, args);
}

const FLAGS = {
  scope: { value: "SCOPE", help: "Whom it is for, such as user:42." },
  event: { value: "NAME", help: "Its name, such as task.progress-updated." },
  data: { value: "JSON", help: "Its data; - reads them from standard input. Default: null." },
  audience: { value: "SCOPE", isRepeatable: true, help: "A scope that readers must hold besides." },
  priority: { value: "PRIORITY", help: "low, normal or high." },
  key: { value: "TEXT", help: "Idempotency-Key: the same key and event are published once." },
  ...REMOTE_FLAGS,
} as const;

const PUBLISH: Command<typeof FLAGS> = {
  name: "publish",
  usage: ["publish --scope SCOPE --event NAME [--data JSON] --token-file FILE [flags]"],
  about: "Publishes one event through a running gateway, and prints its identity.",
  flags: FLAGS,
  run: async (flags, [extra]) => {
    if (extra !== undefined) {
      return usageProblem("publish", `${JSON.stringify(extra)} is no argument of it; see --data`);
    }
    const { scope, event } = flags;
    if (scope === undefined || event === undefined) return usageProblem("publish", "it needs --scope and --event");
    if (flags.data === "-" && flags["token-file"] === "-") {
      return usageProblem("publish", "standard input holds either the data or the token");
    }
    const text = flags.data === "-" ? await new Response(Deno.stdin.readable).text() : flags.data ?? "null";
    if (!isJSON(text)) return usageProblem("publish", "--data is not JSON; text needs its quotes: '\"text\"'");
    const remote = await remoteOf(flags, "public");
    if (remote === undefined) return EXIT_CODES.problem;
    const { audience, priority, key } = flags;
    const rest = JSON.stringify({ event, scope, audience, ...(priority === undefined ? {} : { priority }) });
    const response = await fetch(`${remote.url}/api/v1/events`, {
      method: "POST",
      headers: {
        ...remote.headers,
        "content-type": "application/json",
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      // The data's own text, so that no digit of a large number is lost on the way.
      body: `${rest.slice(0, -1)},"data":${text}}`,
    });
    if (!response.ok) {
      printProblem(printable(`Cannot publish it: ${await refusalText(response)}`));
      return EXIT_CODES.problem;
    }
    const { ids } = await response.json();
    print(printable(String(ids[0])));
    return EXIT_CODES.ok;
  },
};

function isJSON(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
