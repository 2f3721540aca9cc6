/**
 * One server process under test: start until it really answers, stop, kill, pause, resume, restart over the same data, and
 * in the end delete the data.
 *
 * Its output goes to a file, not through a pipe: a pipe would keep a read pending in the test that started the server, which
 * the sanitizers rightly call a leak. On Linux the kernel ends the server when its starter dies (`setpriv --pdeathsig`), so
 * that not even a `kill -9` of the test run leaves servers behind.
 */
import { join } from "node:path";

const READY_POLL_MS = 25;
const LOG_TAIL_BYTES = 8 * 1024;
/** A killed server's last children may still be writing: a second for them to go. */
const MAX_DELETE_ATTEMPTS = 40;
const GRACEFUL_STOP_MS = 15_000;

/** What every server for tests can do, whatever it serves. */
export interface TestServer extends AsyncDisposable, Disposable {
  /** The port of 127.0.0.1 it listens on; the same after a restart. */
  readonly port: number;
  /** Of the server itself, not of a shell in front of it; null while it does not run. */
  readonly pid: number | null;
  /** Ends it in order and keeps its data, so that `restart()` finds them. */
  stop(): Promise<void>;
  /** SIGKILL: what a power cut would leave behind is what stays. Keeps the data. */
  kill(): Promise<void>;
  /** Stops it when it runs, starts it over the same data on the same port, and resolves when it answers. */
  restart(): Promise<void>;
  /** SIGSTOP: it keeps its connections and answers nobody. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Everything it has printed so far. */
  log(): string;
}

export interface ServerProcessOptions {
  readonly name: string;
  readonly port: number;
  /** Holds the data and the log; deleted when the server is disposed of. */
  readonly folder: string;
  readonly command: readonly string[];
  /** Resolves true only when a client would be served; false, or a rejection, means not yet. */
  readonly isReady: () => Promise<boolean>;
  readonly startTimeoutMs: number;
  /** Default SIGTERM. */
  readonly stopSignal?: Deno.Signal;
  /** Sent by the kernel when the starter dies. Default SIGKILL; a server with children of its own needs one it can pass on. */
  readonly orphanSignal?: Deno.Signal;
  /** The user it runs as, where it refuses to run as root. */
  readonly user?: string | undefined;
}

export class ServerProcess implements TestServer {
  readonly #options: ServerProcessOptions;
  readonly #logPath: string;
  #child: Deno.ChildProcess | null = null;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.#logPath = join(options.folder, "server.log");
  }

  get port(): number {
    return this.#options.port;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Throws with the end of the server's own log when it ends or stays silent for `startTimeoutMs`. */
  async start(): Promise<void> {
    const [program = "", ...args] = launcher(this.#options, this.#logPath);
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    this.#child = child;
    let exit: Deno.CommandStatus | null = null;
    child.status.then((status) => exit = status);
    const deadlineMs = performance.now() + this.#options.startTimeoutMs;
    while (!await this.#isReady()) {
      const late = performance.now() > deadlineMs;
      if (exit === null && !late) {
        await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
        continue;
      }
      const state = exit === null ? `no answer in ${this.#options.startTimeoutMs} ms` : `it ended (${describe(exit)})`;
      await this.kill();
      throw new Error(
        `Cannot start ${this.#options.name} on port ${this.port}: ${state}. Its log ends with:\n${
          this.log().slice(-LOG_TAIL_BYTES)
        }`,
      );
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.resume();
    signal(child, this.#options.stopSignal ?? "SIGTERM");
    const impatience = setTimeout(() => signal(child, "SIGKILL"), GRACEFUL_STOP_MS);
    await child.status;
    clearTimeout(impatience);
    this.#child = null;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    signal(child, "SIGKILL");
    await child.status;
    this.#child = null;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  pause(): void {
    if (this.#child !== null) signal(this.#child, "SIGSTOP");
  }

  resume(): void {
    if (this.#child !== null) signal(this.#child, "SIGCONT");
  }

  log(): string {
    try {
      return Deno.readTextFileSync(this.#logPath);
    } catch {
      return "(it has printed nothing)";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The data go next, so most servers need no orderly end; one with children has a signal of its own that reaches them.
    if (this.#options.orphanSignal === undefined) await this.kill();
    else await this.stop();
    await deleteFolder(this.#options.folder);
  }

  /** The same for a page that unloads, where nothing can be awaited. */
  [Symbol.dispose](): void {
    if (this.#child !== null) signal(this.#child, this.#options.orphanSignal ?? "SIGKILL");
    for (let attempt = 0; attempt < MAX_DELETE_ATTEMPTS; attempt++) {
      try {
        return Deno.removeSync(this.#options.folder, { recursive: true });
      } catch {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, READY_POLL_MS);
      }
    }
  }

  async #isReady(): Promise<boolean> {
    try {
      return await this.#options.isReady();
    } catch {
      return false;
    }
  }
}

/** `exec` keeps one process, so that the signals reach the server itself and not a shell in front of it. */
function launcher(options: ServerProcessOptions, logPath: string): string[] {
  const shell = ["sh", "-c", 'exec "$@" >>"$0" 2>&1', logPath, ...options.command];
  if (Deno.build.os !== "linux") return shell;
  const user = options.user === undefined ? [] : ["--reuid", options.user, "--regid", options.user, "--init-groups"];
  return ["setpriv", ...user, "--pdeathsig", (options.orphanSignal ?? "SIGKILL").slice(3), ...shell];
}

function signal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch (error) {
    // It has ended by itself: what every signal here wants in the end.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function describe(status: Deno.CommandStatus): string {
  return status.signal === null ? `exit code ${status.code}` : status.signal;
}

async function deleteFolder(folder: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await Deno.remove(folder, { recursive: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (attempt === MAX_DELETE_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }
}
