/** Code of the documents that only the program which reads it can judge: SQL, Redis commands, the nginx configuration. */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { RunningGateway } from "../e2e/running_gateway.ts";
import { OutboxFixture } from "../outbox/outbox_fixture.ts";
import { NGINX } from "../support/nginx_server.ts";
import { sharedPostgres, sharedRedis } from "../support/shared_servers.ts";
import { startOnFreePort } from "../support/start_on_free_port.ts";
import { projectFiles } from "../tidy/project_files.ts";
import { codeBlocks } from "./code_block.ts";

const postgres = await sharedPostgres();
const redis = await sharedRedis();
const TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
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
    client.disconnect();
  }
});

Deno.test("nginx, configured as the document says, passes a stream's events on as they come", async () => {
  const [block, ...more] = blocksIn("nginx");
  assert(block !== undefined && more.length === 0, "one block in nginx, which this test runs");
  await using gateway = await RunningGateway.start();
  let certificate = "";
  await using nginx = await startOnFreePort(async (port, folder) => {
    certificate = await makeCertificate(folder);
    const here = block.text.replace("listen 443", `listen ${port}`)
      .replace("127.0.0.1:8080", new URL(gateway.url).host)
      .replace("/var/log/nginx/", `${folder}/`)
      // Where it writes by default only root may.
      .replace("http {", ["http {", ...TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`)].join("\n"));
    const own = `daemon off;\npid ${folder}/nginx.pid;\n${Deno.uid() === 0 ? "user root;" : ""}\nevents {}\n`;
    await Deno.writeTextFile(`${folder}/nginx.conf`, own + here);
    return {
      name: "nginx",
      port,
      folder,
      command: [NGINX, "-p", folder, "-c", `${folder}/nginx.conf`, "-e", "stderr"],
      isReady: async () => {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return true;
      },
      startTimeoutMs: 10_000,
      orphanSignal: "SIGTERM",
    };
  });
  using client = Deno.createHttpClient({ caCerts: [certificate] });
  const token = await gateway.tokenFor("ann");
  const url = `https://localhost:${nginx.port}/api/v1/events/stream?scope=user:ann`;
  const response = await fetch(url, { client, headers: { authorization: `Bearer ${token}` } });
  assert(response.body !== null);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (part: string) => {
    while (!text.includes(part)) text += (await reader.read()).value ?? assert.fail(`the stream ended:\n${text}`);
  };
  await until("stream.opened");
  const event = { event: "task.progress-updated", scope: "user:ann", data: { taskId: "t1", progress: 40 } };
  await (await gateway.publish(token, event)).body?.cancel();
  await until(`"progress":40`);
  await reader.cancel();
});

/** Writes the files that the document names, and gives the certificate. */
async function makeCertificate(folder: string): Promise<string> {
  const { code, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"],
      ...["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`],
    ],
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return await Deno.readTextFile(`${folder}/cert.pem`);
}

function blocksIn(language: string) {
  const blocks = BLOCKS.filter((block) => block.language === language);
  assert(blocks.length > 0, `no block in ${language}`);
  return blocks;
}
