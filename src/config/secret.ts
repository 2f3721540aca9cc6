import * as z from "zod";
import { settingRegistry } from "./setting_registry.ts";

declare const file: unique symbol;

/** Output of {@link secretFile}: {@link section} drops the key, for its content has become the sibling's value. */
export type SecretFile = string & { readonly [file]: true };

/** A setting that is never printed. Its section offers it from a file too: `password` beside `passwordFile`. */
export function secret() {
  return z.string({ error: "must be text" }).min(1, { error: "must not be empty" })
    .register(settingRegistry, { secret: true, allowed: "text" });
}

/** The path of a file that holds the sibling setting (`passwordFile`: `password`), read once when the configuration is loaded. */
export function secretFile() {
  return z.string({ error: "must be a file's path" }).min(1, { error: "must not be empty" })
    .transform((path) => path as SecretFile)
    .register(settingRegistry, { secretFile: true, allowed: "a file's path" });
}
