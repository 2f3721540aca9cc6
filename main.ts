import { commandLine } from "./src/cli/command_line.ts";

Deno.exit(await commandLine(Deno.args));
