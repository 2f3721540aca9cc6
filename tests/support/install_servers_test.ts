import assert from "node:assert/strict";
import { installServers, REQUIREMENTS } from "./install_servers.ts";

const NOTHING_IS_PRESENT = REQUIREMENTS.map((requirement) => ({
  ...requirement,
  isPresent: () => Promise.resolve(false),
}));

const VARIABLES = [...new Set(REQUIREMENTS.flatMap((requirement) => requirement.variable ?? []))];

Deno.test("installServers without root and without servers says what to install or which variables to set", async () => {
  await withVariables(undefined, async () => {
    await assert.rejects(installServers(false, NOTHING_IS_PRESENT), (error: Error) => {
      assert.match(
        error.message,
        /sudo apt-get install --no-install-recommends redis-server default-jre-headless maven postgresql nginx libfaketime libnginx-mod-nchan/,
      );
      for (const name of VARIABLES) assert.match(error.message, new RegExp(`^  ${name}=.+$`, "m"));
      return true;
    });
  });
});

Deno.test("installServers asks for nothing that a variable names", async () => {
  const nameable = NOTHING_IS_PRESENT.filter((requirement) => requirement.variable !== undefined);
  await withVariables("somewhere", () => installServers(false, nameable));
});

async function withVariables(value: string | undefined, run: () => Promise<void>): Promise<void> {
  const saved = VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  for (const name of VARIABLES) setVariable(name, value);
  try {
    await run();
  } finally {
    for (const [name, before] of saved) setVariable(name, before);
  }
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
}
