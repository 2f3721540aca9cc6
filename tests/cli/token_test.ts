import assert from "node:assert/strict";
import { runCommandLine } from "./run_command_line.ts";

const SECRET = "kJ8vQ2mX5sL9tR4wZ7yB1nC6pF3gH0dA";
const ONE_ISSUER = `auth:
  issuers: [{issuer: "https://issuer.example", secret: ${SECRET}}]
  grants: [global, "user:{sub}", "novel:{novel_ids[]}"]
  publish: ["novel:*"]
`;

/** Runs `tidegate token` on a configuration of this text. */
async function token(text: string, ...args: string[]) {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, text);
    return await runCommandLine("token", ...args, "--config", file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("token mint prints the token alone on standard output, and what it grants beside it", async () => {
  const { code, out, err } = await token(
    ONE_ISSUER,
    "mint",
    "--sub",
    "alice",
    "--grant",
    "novel:7",
    "--publish",
    "--ttl",
    "2m",
  );
  assert.equal(code, 0);
  assert.match(out, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  assert.match(
    err,
    /alice of https:\/\/issuer.example; reads global user:alice novel:7; publishes to novel:\*; until /,
  );
});

Deno.test("token inspect says of a minted token what it grants, and exits 0", async () => {
  const minted = await token(ONE_ISSUER, "mint", "--sub", "alice", "--claim", "novel_ids=[7,8]", "--json");
  const made = JSON.parse(minted.out);
  const { code, out } = await token(ONE_ISSUER, "inspect", made.token, "--json");
  assert.equal(code, 0);
  const seen = JSON.parse(out);
  assert.equal(seen.accepted, true);
  assert.deepEqual(seen.principal, made.principal);
  assert.deepEqual(seen.principal.grants, ["global", "user:alice", "novel:7", "novel:8"]);
  assert.deepEqual([seen.header.alg, seen.claims.sub, seen.claims.novel_ids], ["HS256", "alice", [7, 8]]);
  const text = await token(ONE_ISSUER, "inspect", `Bearer ${made.token}`);
  assert.match(text.out, /^header {4}\{"alg":"HS256".*\nclaims {4}\{[^]*accepted {2}alice of /);
});

Deno.test("token inspect shows a refused token with the reason, and exits 1", async () => {
  const minted = await token(ONE_ISSUER, "mint", "--sub", "alice");
  const other = ONE_ISSUER.replace(SECRET, [...SECRET].reverse().join(""));
  const { code, out } = await token(other, "inspect", minted.out);
  assert.equal(code, 1);
  assert.match(out, /"sub": "alice"/);
  assert.match(out, /refused {3}signature-invalid: /);
  const nonsense = await token(ONE_ISSUER, "inspect", "nonsense");
  assert.deepEqual([nonsense.code, nonsense.out.split(":")[0]], [1, "refused   token-malformed"]);
});

Deno.test("token inspect lets no claim move the terminal's cursor", async () => {
  const evil = JSON.stringify({ iss: "\u001b[2J\u202e", sub: "a" });
  const encode = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text))).replaceAll("=", "");
  const { out } = await token(ONE_ISSUER, "inspect", `${encode('{"alg":"HS256"}')}.${encode(evil)}.AAAA`);
  assert.match(out, /claims/);
  for (const hidden of ["\u001b", "\u202e"]) assert.ok(!out.includes(hidden));
});

Deno.test("token called wrongly says how, and exits 2", async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /it needs one of mint, inspect/],
    [["mnt"], /is none of mint, inspect; did you mean mint\?/],
    [["mint"], /it needs --sub NAME/],
    [["mint", "x"], /one argument too many/],
    [["inspect", "a", "b"], /one argument too many/],
    [["mint", "--sub", "a", "--ttl", "5"], /--ttl "5" is no duration/],
    [["mint", "--sub", "a", "--grant", "*"], /--grant "\*" is none of/],
    [["mint", "--sub", "a", "--claim", "x"], /--claim "x" is not NAME=VALUE/],
    [["mint", "--subject", "a"], /--subject is no flag of it/],
  ];
  for (const [args, message] of wrong) {
    const { code, out, err } = await token(ONE_ISSUER, ...args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(out, "");
    assert.match(err, message);
  }
});

Deno.test("token mint refuses what this configuration would not accept, and exits 1", async () => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    [ONE_ISSUER, ["--grant", "task:1"], /Cannot grant "task:1": none of the issuer's templates yields it: global, /],
    ["log: {level: info}", [], /no issuer has a secret here\. Set TIDEGATE_DEVELOPMENT_SECRET/],
    [ONE_ISSUER, ["--issuer", "other"], /that issuer has no secret here/],
    [`${ONE_ISSUER}  maxTokenLifetime: 10m\n`, ["--ttl", "11m"], /Cannot use such a token: token-lifetime-exceeded/],
    ["auth: {issuers: 1}", [], /Cannot start with this configuration/],
  ];
  for (const [text, args, message] of cases) {
    const { code, out, err } = await token(text, "mint", "--sub", "a", ...args);
    assert.equal(code, 1, err);
    assert.equal(out, "");
    assert.match(err, message);
  }
});
