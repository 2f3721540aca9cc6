import * as z from "zod";
import { secret, secretFile } from "./secret.ts";
import { section } from "./section.ts";

/** `admin`: the operator's routes and the console. */
export const adminSchema = section({
  token: secret().regex(/^[\x21-\x7e]{32,1024}$/, {
    error: "must be 32 to 1024 visible ASCII characters; `openssl rand -base64 32` makes such a text",
  }).exactOptional()
    .describe(
      "What an operator sends as `Authorization: Bearer` to /admin/v1 and types into the console. Without it both are off; development mode makes one at every start.",
    ),
  tokenFile: secretFile().exactOptional()
    .describe("File that holds the token."),
});

/** The section `admin`. */
export type AdminConfig = z.output<typeof adminSchema>;
