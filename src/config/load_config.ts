import type { FlagSetting } from "./apply_overrides.ts";
import type { ConfigProblem } from "./config_problem.ts";
import type { SecretFileContent } from "./read_secret_files.ts";
import { MAX_CONFIG_FILE_BYTES } from "./read_yaml.ts";
import { type LoadedConfig, resolveConfig } from "./resolve_config.ts";
import type { Environment } from "./substitute_variables.ts";

/** The file that is read when none is named and it is there. */
export const DEFAULT_CONFIG_FILE = "tidegate.yaml";

const MAX_SECRET_FILE_BYTES = 65_536;

/** What a start was given. */
export interface LoadOptions {
  /** The file that `--config` names. Without it: the variable `TIDEGATE_CONFIG`, else `tidegate.yaml` if it is there. */
  readonly file?: string;
  readonly env: Environment;
  readonly flags?: readonly FlagSetting[];
}

/**
 * Loads the configuration of this process: file, environment, flags, the stronger last. Reads the file and the
 * secrets' files; whatever is wrong with them is among the problems, never thrown.
 */
export function loadConfig({ file, env, flags = [] }: LoadOptions): LoadedConfig {
  const given = { environment: env, flags, readSecretFile };
  const named = file ?? (env.TIDEGATE_CONFIG === "" ? undefined : env.TIDEGATE_CONFIG);
  const name = named ?? DEFAULT_CONFIG_FILE;
  const content = readText(name, MAX_CONFIG_FILE_BYTES);
  if (content.kind === "content") return resolveConfig({ ...given, file: { name, text: content.text } });
  if (content.kind === "missing" && named === undefined) return resolveConfig(given);
  const state = content.kind === "missing" ? "it does not exist" : content.reason;
  const problem: ConfigProblem = {
    severity: "error",
    origin: { kind: "file", file: name, line: 0, column: 0 },
    path: "",
    message: `cannot read the configuration: ${state}`,
  };
  const rest = resolveConfig(given);
  return { kind: "problems", problems: [problem, ...rest.kind === "problems" ? rest.problems : []] };
}

function readSecretFile(path: string): SecretFileContent {
  return readText(path, MAX_SECRET_FILE_BYTES);
}

/** Reads UTF-8 text of at most so many bytes; also from what is no ordinary file, such as `/dev/stdin`. */
function readText(path: string, maxBytes: number): SecretFileContent {
  try {
    using file = Deno.openSync(path);
    const { isDirectory, mode } = file.statSync();
    if (isDirectory) return { kind: "unreadable", reason: "it is a directory" };
    const bytes = new Uint8Array(maxBytes + 1);
    let length = 0;
    while (length < bytes.length) {
      const read = file.readSync(bytes.subarray(length));
      if (read === null) break;
      length += read;
    }
    if (length > maxBytes) return { kind: "unreadable", reason: `it is larger than ${maxBytes} bytes` };
    // The byte order mark stays, for the reader of YAML to refuse.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, length));
    return { kind: "content", text, isWorldReadable: mode !== null && (mode & WORLD_READ) !== 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { kind: "missing" };
    if (error instanceof TypeError) return { kind: "unreadable", reason: "it is not UTF-8 text" };
    if (error instanceof Deno.errors.NotCapable) {
      return { kind: "unreadable", reason: "the process has no permission to read it" };
    }
    return { kind: "unreadable", reason: error instanceof Error ? error.name : "unknown error" };
  }
}

const WORLD_READ = 0o004;
