import assert from "node:assert/strict";
import { widestCursor } from "../../src/wire/cursor.ts";
import { RELATIONS } from "../../src/config/relations.ts";
import { configOf, problemsOf, warningsOf } from "./resolve.ts";

/** For each relation, in order, a configuration that breaks it alone, and what is said. */
const BROKEN: readonly (readonly [string, RegExp])[] = [
  [
    "streams: {heartbeat: 1m, maxLifetime: 90s}",
    /^t\.yaml:1:22: streams\.heartbeat must be at most half of streams\.maxLifetime \(90000 ms\); it is 60000 ms$/,
  ],
  [
    "streams: {refusalRetry: {min: 61s}}",
    /^t\.yaml:1:31: streams\.refusalRetry\.min must be at most streams\.refusalRetry\.max/,
  ],
  ["streams: {maxTotal: 5}", /streams\.maxPerPrincipal must be at most streams\.maxTotal \(5\); it is 20$/],
  ["streams: {sendQueue: {maxBytes: 64KiB}}", /streams\.sendQueue\.maxBytes must be at least streams\.maxFrameBytes/],
  ["streams: {writeStall: 10m}", /streams\.writeStall must be less than streams\.maxLifetime/],
  ["streams: {heartbeat: 1s, flush: {maxDelay: 1s}}", /streams\.flush\.maxDelay must be less than streams\.heartbeat/],
  ["journal: {maxBytes: 64KiB}", /journal\.maxBytes must be at least streams\.maxFrameBytes/],
  ["replay: {maxBytes: 64KiB}", /replay\.maxBytes must be at least streams\.maxFrameBytes/],
  ["replay: {maxAge: 10m}", /warning: replay\.maxAge is less than journal\.maxAge/],
  ["journal: {maxEvents: 10}", /warning: journal\.maxEvents is less than replay\.maxEvents/],
  [
    "history: {redis: {maxSpoolBytes: 256KiB}}",
    /history\.redis\.maxSpoolBytes must be at least streams\.maxFrameBytes/,
  ],
  ["history: {redis: {url: 'redis://r'}}", /warning: history\.redis\.url is given, but no source is a Kafka topic/],
  [
    "history: {redis: {url: 'redis://r', maxAge: 15m}}",
    /warning: history\.redis\.maxAge is not longer than journal\.maxAge/,
  ],
  ["drain: {window: 10m}", /drain\.window must be less than streams\.maxLifetime/],
  ["server: {adminPort: 8080}", /server\.adminPort must differ from server\.port; both are 8080$/],
  [
    "sources: {a: {embedded: , format: json}}\npublish: {source: a}",
    /publish\.source must be a source of the format tidegate/,
  ],
  ["publish: {rate: {burst: 999}}", /publish\.rate\.burst must be at least publish\.maxBatch \(1000\); it is 999$/],
  [
    "outbox: {url: 'postgres://db/app', source: b}\nsources: {a: {embedded: , format: tidegate}, b: {embedded: , format: json}}",
    /outbox\.source must be a source of the format tidegate/,
  ],
  ["outbox: {url: 'postgres://db/app'}", /warning: outbox\.source is an embedded log in memory/],
  ["mappings: {deadLetter: {source: nowhere}}", /mappings\.deadLetter\.source must be a configured source/],
  [
    `sources: {r: {redis: {url: 'redis://r', streams: [${
      Array.from({ length: 64 }, (_, n) => `s${n}`).join()
    }]}}, q: {redis: {url: 'redis://r', streams: [${
      Array.from({ length: 64 }, (_, n) => `s${n}`).join()
    }]}}, p: {redis: {url: 'redis://r', streams: [${Array.from({ length: 64 }, (_, n) => `s${n}`).join()}]}}}`,
    /sources has so many partitions/,
  ],
  ["dev: {enabled: true}\nserver: {host: 0.0.0.0}", /dev\.enabled must be false unless server\.host is loopback/],
  ["", /warning: auth\.issuers is empty/],
];

Deno.test("every relation between settings is asserted, each by a configuration that breaks it", () => {
  assert.equal(BROKEN.length, RELATIONS.length);
  for (const [index, [text, expected]] of BROKEN.entries()) {
    const relation = RELATIONS[index];
    const found = relation?.severity === "warning" ? warningsOf(text) : problemsOf(text);
    assert(found.some((problem) => expected.test(problem)), `${relation?.rule}: ${found.join("\n")}`);
    if (relation?.severity === "error") assert.equal(found.length, 1, found.join("\n"));
  }
});

Deno.test("the limits of each relation are still fine", () => {
  for (
    const text of [
      "streams: {heartbeat: 1m, maxLifetime: 2m}",
      "streams: {retry: {min: 8s, max: 8s}}",
      "streams: {maxTotal: 20}",
      "streams: {maxFrameBytes: 64KiB, sendQueue: {maxBytes: 64KiB}}\njournal: {maxBytes: 64KiB}\nreplay: {maxBytes: 64KiB}",
      "server: {port: 0, adminPort: 0}",
      "dev: {enabled: true}\nserver: {host: '::1'}",
    ]
  ) assert.deepEqual(problemsOf(text), [], text);
});

Deno.test("relations are checked beside problems in other sections", () => {
  const found = problemsOf("log: {level: x}\ndrain: {window: 10m}\nstreams: {heartbeat: 1m, maxLifetime: 90s}\n");
  assert.equal(found.length, 3, found.join("\n"));
  assert.match(found[1] ?? "", /drain\.window/);
});

Deno.test("publishing goes to the only embedded source that can take it, and never to the dead letters", () => {
  assert.equal(configOf("").publish.source, "events");
  assert.equal(
    configOf("sources: {a: {embedded: , format: tidegate}, b: {embedded: , format: tidegate}}").publish.source,
    undefined,
  );
  assert.equal(configOf("sources: {a: {embedded: , format: json}}").publish.source, undefined);
  const two =
    "sources: {a: {embedded: , format: tidegate}, dead: {embedded: , format: tidegate}}\nmappings: {deadLetter: {source: dead}}";
  assert.equal(configOf(two).publish.source, "a");
  assert.match(problemsOf(`${two}\npublish: {source: dead}`).join(), /must not be mappings\.deadLetter\.source/);
  assert.match(problemsOf("publish: {source: constructor}").join(), /must be a configured source: events/);
});

Deno.test("the cursor's budget is reckoned as the cursor's writer does", () => {
  const streams = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`).join();
  const text = (count: number) =>
    `sources: {a: {embedded: {partitions: 64}}, b: {redis: {url: 'redis://r', streams: [${
      streams(64)
    }]}}, c: {redis: {url: 'redis://r', streams: [${streams(count)}]}}}`;
  for (const count of [1, 20, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 40, 64]) {
    const width = widestCursor([
      { source: "a", format: "integer", partitions: 64 },
      { source: "b", format: "ms-seq", partitions: 64 },
      { source: "c", format: "ms-seq", partitions: count },
    ]);
    assert.equal(
      problemsOf(text(count)).length > 0,
      width > 2_048,
      `${count}: ${width} ${problemsOf(text(count)).join()}`,
    );
  }
});
