import { createParser } from "eventsource-parser";
import { parseDocument } from "yaml";
import { problemsOf } from "../config/resolve.ts";
import type { CodeBlock } from "./code_block.ts";
import type { ShellContext } from "./shell_block.ts";

/** JSON, with `…` for what was left out. */
export function jsonProblems({ text }: Pick<CodeBlock, "text">): string[] {
  try {
    JSON.parse(text.replaceAll(/,\s*…(?=\s*[\]}])/g, ""));
    return [];
  } catch (error) {
    return [String(error)];
  }
}

/** One object a line. */
export function jsonLinesProblems({ text }: CodeBlock): string[] {
  return text.trimEnd().split("\n").flatMap((line) => jsonProblems({ text: line }));
}

/** Blocks of an event stream: only its own fields, each block whole, with JSON as data. */
export function eventStreamProblems({ text }: CodeBlock): string[] {
  const problems: string[] = [];
  let blocks = 0;
  const parser = createParser({
    onEvent: ({ data, event }) => {
      blocks++;
      if (event === undefined) problems.push("an event without a name");
      problems.push(...jsonProblems({ text: data }));
    },
    onComment: () => void blocks++,
    onRetry: () => void blocks++,
    onError: ({ message }) => void problems.push(message),
  });
  parser.feed(`${text}\n`);
  return blocks === 0 ? ["nothing in it is an event"] : problems;
}

/** A request line of a real route, or the head of an answer; behind a blank line a body, JSON or an event stream. */
export async function httpProblems(block: CodeBlock, { methodsOf }: ShellContext): Promise<string[]> {
  const end = block.text.indexOf("\n\n");
  const head = (end === -1 ? block.text : block.text.slice(0, end)).trimEnd().split("\n");
  const body = end === -1 ? "" : block.text.slice(end + 2);
  const problems: string[] = [];
  for (const [index, line] of head.entries()) {
    const [, method, path] = /^(GET|POST|DELETE|OPTIONS) (\/\S*)$/.exec(line) ?? [];
    if (method !== undefined && path !== undefined) {
      const methods = await methodsOf(new URL(path, "http://x").pathname);
      if (!methods.includes(method)) problems.push(`the gateway has no ${method} ${path}`);
    } else if (!(index === 0 && /^HTTP\/1\.1 \d{3} /.test(line)) && !/^[\w-]+: \S/.test(line)) {
      problems.push(`no line of a head: ${line}`);
    }
  }
  if (body === "") return problems;
  const isStream = head.includes("content-type: text/event-stream");
  return [...problems, ...(isStream ? eventStreamProblems({ ...block, text: body }) : jsonProblems({ text: body }))];
}

/** What every secret of a sample is. */
const SECRET = "zQ0rT8vN3mK5xW1pL7cJ9bH2dF4gS6aY8uE0iO3q";

/** What a fragment stands in: what it does not name itself. */
const AROUND: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  auth: { issuers: [{ issuer: "https://id.example.com", secret: SECRET }] },
  sources: { tasks: { kafka: { brokers: ["localhost:9092"], topic: "ai.tasks" } } },
  mappings: { rules: [{ name: "none", source: "tasks", drop: true }] },
};

/** A configuration; a `fragment` is completed with what it does not name. Its secrets' files are taken to be there. */
export function configurationProblems({ text, marker }: CodeBlock): string[] {
  const document = parseDocument(text);
  if (document.errors.length > 0) return document.errors.map(String);
  if (marker === "fragment") {
    for (const [section, members] of Object.entries(AROUND)) {
      for (const [name, value] of Object.entries(members)) {
        if (!document.hasIn([section, name])) document.setIn([section, name], document.createNode(value));
      }
    }
  }
  const files = new Proxy({}, { get: (_, path: string) => /url$/.test(path) ? "postgres://a:b@db:5432/app" : SECRET });
  return [...problemsOf(document.toString(), { files })];
}
