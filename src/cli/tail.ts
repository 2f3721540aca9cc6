import { type Colours, coloursOfOutput } from "./colours.ts";
import { type Command, EXIT_CODES, type FlagValues, runCommand, usageProblem } from "./command.ts";
import { type FollowedEvent, FollowRefused, followStream } from "./follow_stream.ts";
import { print, printable, printProblem } from "./print.ts";
import { REMOTE_FLAGS, remoteOf } from "./remote.ts";

/** `tidegate tail`: follows a stream until it is stopped, or `signal` ends it; resolves with the exit code. */
export async function tail(
  args: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  return await runCommand({ ...TAIL, run: (flags, extra) => follow(flags, extra, signal) }, args);
}

const FLAGS = {
  scope: { value: "SCOPE", isRepeatable: true, help: "Only events of this scope; several times for several." },
  event: { value: "PATTERN", isRepeatable: true, help: "Only such events: task.progress-updated, or task.*." },
  from: { value: "CURSOR", help: "Where to begin: an id, an event's identity, or earliest. Default: now." },
  all: { help: "Everything that the node reads, as its operator: over the admin port, with the admin token, sampled." },
  json: { help: "Print one JSON object a line." },
  ...REMOTE_FLAGS,
} as const;

const TAIL: Omit<Command<typeof FLAGS>, "run"> = {
  name: "tail",
  usage: ["tail --token-file FILE [flags]", "tail --all [flags]"],
  about: [
    "Follows a stream in the terminal, and comes back with its cursor when it breaks, as a browser does. The token is a",
    "user's: tidegate token mint --sub 42 | tidegate tail --token-file -",
  ].join("\n"),
  flags: FLAGS,
};

async function follow(
  flags: FlagValues<typeof FLAGS>,
  [extra]: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  if (extra !== undefined) return usageProblem("tail", `${JSON.stringify(extra)} is no argument of it; see --scope`);
  if (flags.all && flags.from !== undefined) {
    return usageProblem("tail", "--all begins now; --from is for a user's stream");
  }
  const remote = await remoteOf(flags, flags.all ? "operator" : "public");
  if (remote === undefined) return EXIT_CODES.problem;
  const query = new URLSearchParams([
    ...flags.scope.map((scope) => ["scope", scope]),
    ...flags.event.map((event) => ["event", event]),
  ]);
  const path = `${flags.all ? "/admin/v1/events" : "/api/v1/events/stream"}?${query}`;
  const colours = coloursOfOutput();
  const onBreak = (reason: string, retryMs: number) =>
    printProblem(printable(`Coming back in ${(retryMs / 1_000).toFixed(1)} s: ${reason}`));
  try {
    for await (const event of followStream(remote, path, flags.from, { onBreak, signal })) {
      if (flags.all && event.event === "tail.heartbeat") continue;
      print(flags.json ? jsonLine(event) : textLine(event, colours));
    }
    return EXIT_CODES.ok;
  } catch (error) {
    if (!(error instanceof FollowRefused)) throw error;
    printProblem(printable(`Cannot follow the stream: ${error.message}`));
    return EXIT_CODES.problem;
  }
}

/** Data of a stream's event, or of a line of the operator's tail; whatever else comes is shown as it is. */
interface Shown {
  readonly time?: unknown;
  readonly scope?: unknown;
  readonly data?: unknown;
  readonly identity?: unknown;
  readonly event?: unknown;
}

function jsonLine({ id, event, data }: FollowedEvent): string {
  return JSON.stringify({ id: id ?? null, event, data: parsed(data) ?? data });
}

function textLine(followed: FollowedEvent, { strong, quiet, bad }: Colours): string {
  const isTail = followed.event === "tail.event";
  const shown = parsed(followed.data);
  // The operator's tail has what a stream would get as a text of its own.
  const inner = isTail && typeof shown?.data === "string" ? parsed(shown.data) : shown;
  const isEvent = isTail || !/^(?:stream|tail)\./.test(followed.event);
  if (!isEvent) {
    const isTrouble = /gap|dead-letter|dropped|failed|closing/.test(followed.event);
    return `${clock(undefined)}  ${(isTrouble ? bad : quiet)(onOneLine(`${followed.event}  ${followed.data}`))}`;
  }
  const name = isTail ? String(shown?.event) : followed.event;
  const identity = isTail ? String(shown?.identity) : followed.id?.split("~")[0] ?? "";
  const content = inner === undefined ? String(shown?.data ?? followed.data) : JSON.stringify(inner.data ?? null);
  return [
    clock(inner?.time),
    strong(onOneLine(name)),
    onOneLine(String(inner?.scope ?? shown?.scope ?? "")),
    quiet(onOneLine(identity)),
    onOneLine(content),
  ].join("  ");
}

/** Nobody's text may look like a line of ours. */
function onOneLine(text: string): string {
  return printable(text).replaceAll("\n", String.raw`\n`);
}

function parsed(text: string): Shown | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The time of day in this machine's zone; of this moment when the event says nothing of it. */
function clock(time: unknown): string {
  const date = typeof time === "string" ? new Date(time) : new Date();
  return Number.isNaN(date.getTime()) ? "--:--:--" : date.toTimeString().slice(0, 8);
}
