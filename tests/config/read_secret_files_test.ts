import assert from "node:assert/strict";
import { configOf, problemsOf, warningsOf } from "./resolve.ts";

const kafka = (sasl: string) =>
  `sources: {t: {kafka: {brokers: [a:1], topic: t, sasl: {mechanism: plain, username: u, ${sasl}}}}}`;

function passwordOf(text: string, given: Parameters<typeof configOf>[1]): string | undefined {
  const { t } = configOf(text, given).sources;
  return t?.kind === "kafka" ? t.kafka.sasl?.password : undefined;
}

Deno.test("readSecretFiles puts a file's content into the secret, less one line end", () => {
  for (
    const [content, expected] of [["p", "p"], ["p\n", "p"], ["p\r\n", "p"], ["p\n\n", "p\n"], [" p ", " p "]] as const
  ) {
    assert.equal(passwordOf(kafka("passwordFile: /f"), { files: { "/f": content } }), expected);
  }
});

Deno.test("readSecretFiles reads secrets in lists and of variables", () => {
  const secret = "0123456789abcdef0123456789abcdef";
  const { auth } = configOf("auth: {issuers: [{issuer: a, secretFile: /a}]}", { files: { "/a": `${secret}\n` } });
  assert(auth.issuers[0]?.keys[0]?.kind === "secret");
  assert.equal(auth.issuers[0].keys[0].secret, secret);
  const env = { TIDEGATE_SOURCES_T_KAFKA_SASL_PASSWORD_FILE: "/f" };
  assert.equal(
    passwordOf(kafka("username: u").replace("username: u, username: u", "username: u"), { env, files: { "/f": "p" } }),
    "p",
  );
});

Deno.test("readSecretFiles lets the stronger place win, and refuses both in one place", () => {
  const files = { "/f": "from-file" };
  assert.deepEqual(problemsOf(kafka("password: p, passwordFile: /f"), { files }), [
    `t.yaml:1:${
      kafka("password: p, passwordFile: /f").indexOf("/f") + 1
    }: sources.t.kafka.sasl.passwordFile excludes password; give one of them`,
  ]);
  const byVariable = { env: { TIDEGATE_SOURCES_T_KAFKA_SASL_PASSWORD: "direct" }, files };
  assert.equal(passwordOf(kafka("passwordFile: /f"), byVariable), "direct");
  const fileByVariable = { env: { TIDEGATE_SOURCES_T_KAFKA_SASL_PASSWORD_FILE: "/f" }, files };
  assert.equal(passwordOf(kafka("password: p"), fileByVariable), "from-file");
});

Deno.test("readSecretFiles refuses a missing, empty or unreadable file, once", () => {
  const files = { "/empty": "\n", "/closed": { kind: "unreadable", reason: "it is a directory" } as const };
  const problem = (path: string) => problemsOf(`auth: {issuers: [{issuer: a, secretFile: ${path}}]}`, { files });
  for (
    const [path, message] of [["/gone", "does not exist"], ["/empty", "is empty"], [
      "/closed",
      "it is a directory",
    ]] as const
  ) {
    const found = problem(path);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(
      found[0] ?? "",
      new RegExp(`auth\\.issuers\\[0\\]\\.secretFile names the file "${path}", which .*${message}`),
    );
  }
});

Deno.test("readSecretFiles warns of a secret's file that everybody can read, not of a certificate's", () => {
  const open = { kind: "content", text: "PEM", isWorldReadable: true } as const;
  assert.match(
    warningsOf(kafka("passwordFile: /f"), { files: { "/f": open } }).join("\n"),
    /warning: sources\.t\.kafka\.sasl\.passwordFile names the file "\/f", which every user of this machine can read/,
  );
  const ssl = "sources: {t: {kafka: {brokers: [a:1], topic: t, ssl: {enabled: true, caFile: /f}}}}";
  assert.doesNotMatch(warningsOf(ssl, { files: { "/f": open } }).join("\n"), /every user/);
});
