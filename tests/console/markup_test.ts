import assert from "node:assert/strict";

const SOURCE = new URL("../../src/console/", import.meta.url);

/** Whatever turns text into markup or code, or reaches for something that the page does not bring along. */
const SINKS =
  /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML|srcdoc|\beval\(|new Function|javascript:|import\(|\.style\b|<style|https?:\/\/(?!www\.w3\.org\/2000\/svg")/;

Deno.test("the console makes no markup of text, runs none, and loads nothing from elsewhere", async () => {
  let files = 0;
  for await (const { name } of Deno.readDir(SOURCE)) {
    if (!/\.(?:ts|html|css|svg)$/.test(name)) continue;
    files++;
    const text = await Deno.readTextFile(new URL(name, SOURCE));
    const found = SINKS.exec(text.replaceAll("must be http:// or https://", ""));
    assert.equal(found?.[0], undefined, name);
  }
  assert.ok(files > 15);
  for (const bad of ["a.innerHTML = b", "eval(x)", 'import("https://cdn.example/x.js")', 'href="javascript:x"']) {
    assert.match(bad, SINKS);
  }
});
