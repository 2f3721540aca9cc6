import * as z from "zod";
import { byteSize } from "./byte_size.ts";
import { section } from "./section.ts";

const MAX_PORT = 65_535;

/** `server`: where the gateway listens and whom it believes. */
export const serverSchema = section({
  host: z.string().min(1).default("127.0.0.1")
    .describe(
      "Address that the public port listens on. Loopback by default: nothing is exposed that nobody decided to expose; 0.0.0.0 for every interface.",
    ),
  port: z.int().min(0).max(MAX_PORT).default(8080)
    .describe("Public TCP port. 0 takes any free port and logs it."),
  node: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, {
    error: "must be 1 to 64 of A-Z a-z 0-9 _ . -, first a letter or digit",
  }).exactOptional()
    .describe("This node's name in `stream.opened`, logs and metrics. Without it: the host's name."),
  adminHost: z.string().min(1).default("127.0.0.1")
    .describe(
      "Address that the admin port listens on. Loopback by default, because metrics and admin routes tell about users.",
    ),
  adminPort: z.int().min(0).max(MAX_PORT).default(8081)
    .describe("TCP port of metrics and admin routes. 0 turns it off."),
  corsOrigins: z.array(
    z.string().refine(isOrigin, {
      error:
        "must be an exact origin: scheme and host, with a port unless it is the scheme's own, such as https://app.example.com",
    }),
  ).max(100).default([])
    .describe(
      "Exact origins whose pages may read responses. Empty: no cross-origin access. There is no wildcard, because streams carry private data.",
    ),
  apiDescription: z.boolean().default(true)
    .describe(
      "Whether `/openapi.json` and `/asyncapi.json` are served, to anybody: they name the events and sent fields of the mappings, as every client's script does. The admin port has an `/openapi.json` of its own routes.",
    ),
  maxRequestBytes: byteSize("1KiB", "16MiB").prefault("1MiB")
    .describe(
      "Largest request body; a larger one is answered 413 without being read further. Room for a full batch of ordinary events.",
    ),
});

function isOrigin(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  return new URL(text).origin === text;
}
