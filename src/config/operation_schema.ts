import * as z from "zod";
import { duration } from "./duration.ts";
import { section } from "./section.ts";

/** `log`: what the process writes to standard error. */
export const logSchema = section({
  level: z.enum(["debug", "info", "warning", "error"]).default("info")
    .describe("Least severe level that is written."),
  format: z.enum(["json", "text"]).exactOptional()
    .describe(
      "`json`: one object a line, for machines; `text`: for a terminal. Without it: `text` in development mode, else `json`.",
    ),
});

/** `metrics`: Prometheus text on the admin port. */
export const metricsSchema = section({
  enabled: z.boolean().default(true)
    .describe("Serve GET /metrics on the admin port."),
});

/** `dev`: a laptop, never production. */
export const devSchema = section({
  enabled: z.boolean().default(false)
    .describe(
      "Development mode, as `--dev` sets it: prints the console's link, a token and a ready-to-paste curl. Refused when server.host is not loopback.",
    ),
  demo: z.boolean().default(true)
    .describe("In development mode: publish demo events, so that something flows at once."),
  demoInterval: duration("10ms", "1h").prefault("1s")
    .describe("In development mode: time between two demo events."),
});
