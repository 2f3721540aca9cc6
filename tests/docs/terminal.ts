import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** For a stream that never shows what is waited for. */
const MAX_STREAM_SECONDS = 20;
/** Ends what one paste printed; no program here prints it. */
const END = "\0";

/**
 * What stands between the documents' commands and a folder that is no clone: `deno task tidegate` runs the clone's program
 * here, as `tidegate` does, npx runs this Deno, and a stream is broken off, as with Ctrl-C, after the line that matches $UNTIL.
 * By its process: one that does not notice that nobody reads would go on after the end of a pipe.
 */
const PRELUDE = `
exec 2>&1
unset TIDEGATE_SEED
npx() { deno "\${@:3}"; }
deno() {
  if [ "$1 $2" != "task tidegate" ]; then echo "not run here: deno $*"; return 1; fi
  tidegate "\${@:3}"
}
show() {
  local line program
  exec 3< <(exec timeout ${MAX_STREAM_SECONDS} "$@")
  program=$!
  while IFS= read -r line <&3 || [ -n "$line" ]; do
    printf '%s\\n' "$line"
    if [[ $line =~ $UNTIL ]]; then kill $program; break; fi
  done
  exec 3<&-
}
curl() { show curl --silent --show-error "$@"; }
tidegate() { show '${Deno.execPath()}' run --config='${ROOT}deno.json' -P=gateway '${ROOT}main.ts' "$@"; }
`;

/** A shell in an empty folder, into which blocks are pasted one after the other: what one sets, the next one has. */
export class Terminal implements AsyncDisposable {
  readonly folder: string;
  readonly #shell: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<string>;
  readonly #inputEnded: Promise<void>;
  readonly #output: ReadableStreamDefaultReader<string>;

  private constructor(folder: string) {
    this.folder = folder;
    this.#shell = new Deno.Command("bash", {
      args: ["--noprofile", "--norc"],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const encoder = new TextEncoderStream();
    this.#inputEnded = encoder.readable.pipeTo(this.#shell.stdin);
    this.#input = encoder.writable.getWriter();
    this.#output = this.#shell.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(): Promise<Terminal> {
    const terminal = new Terminal(await Deno.makeTempDir({ prefix: "tidegate-terminal-" }));
    await terminal.paste(PRELUDE);
    return terminal;
  }

  /** Runs the commands and gives what they print; a stream is broken off after the line that `until` matches (a pattern of bash). */
  async paste(commands: string, until = "^no such line$"): Promise<string> {
    const input = `UNTIL='${until}'\n{ ${commands}\n} < /dev/null\nprintf '\\0'\n`;
    await this.#input.write(input);
    let printed = "";
    while (!printed.endsWith(END)) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`The shell ended within:\n${commands}\n${printed}`);
      printed += value;
    }
    return printed.slice(0, -END.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#inputEnded;
    for (let rest = await this.#output.read(); !rest.done; rest = await this.#output.read());
    await this.#shell.status;
    await Deno.remove(this.folder, { recursive: true });
  }
}
