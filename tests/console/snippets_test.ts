import assert from "node:assert/strict";
import { snippets } from "../../src/console/snippets.ts";

const NONE = { url: "https://events.example.com", subject: "42", scopes: [], events: [], token: "$TOKEN" };

Deno.test("snippets: curl for a shell's variable, and for a token of its own", () => {
  const [curl] = snippets(NONE);
  assert.equal(
    curl?.code,
    `curl -N -H "Authorization: Bearer $TOKEN" 'https://events.example.com/api/v1/events/stream'`,
  );
  const [asked] = snippets({ ...NONE, scopes: ["user:42", "novel:7"], events: ["task.*"], token: "eyJ.a-_b.c" });
  assert.equal(
    asked?.code,
    "curl -N -H 'Authorization: Bearer eyJ.a-_b.c' " +
      "'https://events.example.com/api/v1/events/stream?scope=user%3A42&scope=novel%3A7&event=task.*'",
  );
});

Deno.test("snippets: what is published goes where the stream reads", () => {
  const publishedTo = (scopes: readonly string[]) =>
    /"scope":"([^"]*)"/.exec(snippets({ ...NONE, scopes }).find(({ title }) => title === "Publish")?.code ?? "")?.[1];
  assert.deepEqual([publishedTo([]), publishedTo(["novel:7", "global"])], ["user:42", "novel:7"]);
});

Deno.test("snippets: the client's is a module that runs, from the gateway's own copy", async () => {
  const wish = { ...NONE, scopes: [`novel:"7`], events: ["task.*"], token: `a"b` };
  const code = snippets(wish).find(({ title }) => title.startsWith("The client"))?.code ?? "";
  assert.match(code, /from "https:\/\/events\.example\.com\/client\/core\.js";/);
  const here = code.replace(
    /"https[^"]*core\.js"/,
    JSON.stringify(new URL("../../src/client/core/mod.ts", import.meta.url)),
  );
  const asked: unknown[] = [];
  const fetching = globalThis.fetch;
  globalThis.fetch = (url, init) => {
    asked.push(String(url), new Headers(init?.headers).get("authorization"));
    return Promise.resolve(new Response(null, { status: 204 }));
  };
  try {
    await import(`data:application/typescript,${encodeURIComponent(here)}`);
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  } finally {
    globalThis.fetch = fetching;
  }
  assert.deepEqual(asked, [
    "https://events.example.com/api/v1/events/stream?scope=novel%3A%227&event=task.*",
    `Bearer a"b`,
  ]);
});

Deno.test("snippets: what was typed stays text for the shell and for JavaScript", async () => {
  const nasty = `user:'; echo pwned > /dev/stderr; '$(echo pwned)\`echo pwned\``;
  for (const { title, code } of snippets({ ...NONE, url: `https://x'$(echo pwned)`, scopes: [nasty], token: `a'b` })) {
    if (!code.startsWith("curl")) {
      // A function's body takes no import.
      const body = code.replace(/^import .*\n/, "");
      assert.doesNotThrow(() => new Function(`return async () => { ${body} }`), title);
      continue;
    }
    // A shell that prints its words instead of running curl.
    const printed = await new Deno.Command("sh", { args: ["-c", code.replace(/^curl/, `printf '%s\\n'`)] }).output();
    assert.equal(new TextDecoder().decode(printed.stderr), "", title);
    const words = new TextDecoder().decode(printed.stdout);
    assert.ok(words.includes("Authorization: Bearer a'b") && words.includes("https://x'$(echo pwned)/api/v1"), words);
  }
});
