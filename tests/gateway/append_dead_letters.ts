/** Appends dead letters to the file that it is given until it is killed or the file takes none, and prints what it was told. */
import { DeadLetterFile } from "../../src/gateway/dead_letter_file.ts";

const file = new DeadLetterFile(Deno.args[0] ?? "", 1024 ** 3);
for (let number = 0;; number++) {
  const json = new TextEncoder().encode(JSON.stringify({ number, text: "x".repeat(5_000) }));
  try {
    await file.append([{ identity: `s:0:${number}`, json }], false);
    await Deno.stdout.write(new TextEncoder().encode(`${number}\n`));
  } catch (error) {
    await Deno.stdout.write(new TextEncoder().encode(`${error}\n`));
    break;
  }
}
