import assert from "node:assert/strict";
import fc from "fast-check";
import { createSensitiveNames, DEFAULT_SENSITIVE_NAMES } from "../../src/config/sensitive_names.ts";

Deno.test("createSensitiveNames finds a listed name however it is spelt", () => {
  const isSensitive = createSensitiveNames(DEFAULT_SENSITIVE_NAMES);
  const sensitive = [
    "password",
    "Password",
    "PASSWORD",
    "pAsSwOrD",
    "pass_word",
    "userPassword",
    "userpassword",
    "password_hash",
    "passwords",
    "access_token",
    "accessToken",
    "ACCESS_TOKEN",
    "token2",
    "csrf-token",
    "x.api.key",
    "APIKey",
    "Authorization",
    "proxy-authorization",
    "Set-Cookie",
    "cookies",
    "billing.cardNumber",
    "e\u00admail",
    "ｅmail",
    "contact email",
    "pa\u0301ssword",
    "aB".repeat(120) + "Token",
    "ﷺ".repeat(200),
    "x".repeat(300),
  ];
  for (const name of sensitive) assert(isSensitive(name), name);
});

Deno.test("createSensitiveNames lets names pass that only resemble a listed one", () => {
  const isSensitive = createSensitiveNames(DEFAULT_SENSITIVE_NAMES);
  for (const name of ["tokenizer", "secretary", "microphone", "classname", "passage", "title", "", "__", "日本語"]) {
    assert(!isSensitive(name), name);
  }
});

Deno.test("createSensitiveNames goes by its list alone", () => {
  assert(!createSensitiveNames([])("password"));
  const isSensitive = createSensitiveNames(["manuscript", "Übername"]);
  assert(isSensitive("rawManuscript"));
  assert(isSensitive("übername"));
  assert(!isSensitive("password"));
});

Deno.test("createSensitiveNames gives the same verdict however often and among however many names it is asked", () => {
  const isSensitive = createSensitiveNames(["secret"]);
  for (let index = 0; index < 10_000; index++) isSensitive(`name${index}`);
  fc.assert(fc.property(fc.string(), fc.string(), (before, after) => {
    assert(isSensitive(`${before}-secret-${after}`));
    assert.equal(isSensitive(before), createSensitiveNames(["secret"])(before));
  }));
});
