import * as z from "zod";
import { duration } from "./duration.ts";
import { section } from "./section.ts";

/** `publish`: what POST /api/v1/events may write, and where to. */
export const publishSchema = section({
  source: z.string().min(1).exactOptional()
    .describe(
      "Source that published events go to; its format must be `tidegate`. Without it: the only embedded source of that format; where there is none, publishing is off and POST answers 404.",
    ),
  idempotencyWindow: duration("1s", "24h").prefault("10m")
    .describe("How long an Idempotency-Key is remembered: longer than any publisher goes on retrying."),
  idempotencyMaxKeys: z.int().min(1).max(10_000_000).default(100_000)
    .describe("Most keys remembered at once; beyond, the oldest is forgotten first."),
  maxBatch: z.int().min(1).max(1_000).default(1_000)
    .describe("Most events in one request."),
  validate: z.boolean().default(false)
    .describe(
      "Refuses an event whose `data` does not fit the built-in schema of its name; other names may have any data. Off, as in rules: an application may give these names a shape of its own.",
    ),
  rate: section({
    perSecond: z.number().min(0.01).max(10_000_000).default(10_000)
      .describe(
        "Events that one principal may publish in a second, in the long run: half of what one node was measured to take from Kafka, so that no publisher alone fills it.",
      ),
    burst: z.int().min(1).max(100_000_000).default(20_000)
      .describe("Events that one principal may publish at once after a rest: a job that ends writes many."),
    maxPrincipals: z.int().min(1).max(10_000_000).default(10_000)
      .describe("Most publishers whose rate is remembered; beyond, the one that was quiet for longest is forgotten."),
  }).prefault({})
    .describe("How fast one principal may publish; beyond, POST answers 429 with `Retry-After`."),
});
