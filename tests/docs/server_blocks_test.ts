/** Code of the documents that only the program which reads it can judge: SQL, Redis commands, nginx configurations. */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { OutboxFixture } from "../outbox/outbox_fixture.ts";
import { freePort } from "../support/free_port.ts";
import { NGINX } from "../support/nginx_server.ts";
import { sharedPostgres, sharedRedis } from "../support/shared_servers.ts";
import { projectFiles } from "../tidy/project_files.ts";
import { codeBlocks } from "./code_block.ts";

const postgres = await sharedPostgres();
const redis = await sharedRedis();
const BLOCKS = (await projectFiles()).filter(({ path }) => path.endsWith(".md")).flatMap(codeBlocks);

Deno.test("PostgreSQL takes the documents' SQL beside the outbox", async () => {
  await using outbox = await OutboxFixture.open(postgres.url);
  const schema = outbox.table.split(".")[0];
  for (const { text, path, line } of blocksIn("sql")) {
    // Roles belong to the server, which other tests share: nothing of it stays.
    const statements = text.replaceAll(/^(BEGIN|COMMIT);$/gm, "");
    const tried = outbox.query(
      `BEGIN; SET LOCAL search_path = ${schema}; CREATE TABLE orders (id int, state text); ${statements}; ROLLBACK`,
    );
    await assert.doesNotReject(tried, `${path}:${line}`);
  }
});

Deno.test("Redis takes the documents' commands", async () => {
  const client = new Redis(redis.url);
  try {
    for (const { text } of blocksIn("redis")) {
      for (const command of text.trim().split("\n")) {
        const [name = "", ...words] = command.split(" ");
        const user = `documents-${crypto.randomUUID()}`;
        assert.equal(name, "ACL", "only users so far: they are made under another name, and deleted");
        assert.equal(await client.call(name, words.with(1, user)), "OK");
        await client.call(name, "DELUSER", user);
      }
    }
  } finally {
    await client.quit();
  }
});

Deno.test("nginx takes the documents' configurations", async () => {
  const folder = await Deno.makeTempDir({ prefix: "tidegate-nginx-" });
  try {
    const key = ["-newkey", "rsa:2048", "-nodes", "-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`];
    await run("openssl", "req", "-x509", "-subj", "/CN=events.example.com", ...key);
    for (const { text, path, line, marker } of blocksIn("nginx")) {
      // tests/e2e/address_limits_test.ts runs that one.
      if (marker === "fragment") continue;
      // It binds the port and opens the log even to test.
      const here = text.replaceAll("listen 443", `listen ${freePort()}`).replaceAll("/var/log/nginx/", `${folder}/`);
      await Deno.writeTextFile(`${folder}/nginx.conf`, `pid ${folder}/nginx.pid;\nevents {}\n${here}`);
      const { code, output } = await run(NGINX, "-t", "-p", folder, "-c", `${folder}/nginx.conf`, "-e", "stderr");
      assert.equal(code, 0, `${path}:${line}: ${output}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function blocksIn(language: string) {
  const blocks = BLOCKS.filter((block) => block.language === language);
  assert(blocks.length > 0, `no block in ${language}`);
  return blocks;
}

async function run(program: string, ...args: string[]): Promise<{ readonly code: number; readonly output: string }> {
  const { code, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  return { code, output: new TextDecoder().decode(stderr) };
}
