/**
 * What mapping costs beside reading: the records of docs/examples/novel-platform through its own mapping, measured
 * against JSON.parse of the same record. Prints one JSON line.
 *
 *     deno run -A bench/pipeline_bench.ts
 *
 * - `mappingRatio`: (mapRecord − decoding and parsing) / JSON.parse: what the mapping adds to reading the record.
 * - `overheadRatio`: (mapRecord − JSON.parse) / JSON.parse: the same, with the decoding of UTF-8 counted as mapping.
 * - `totalRatio`: mapRecord / JSON.parse.
 *
 * Each figure is the fastest of interleaved rounds: what the code costs when nobody disturbs it.
 */
import type { MappingOutcome } from "../src/pipeline/mapping_outcome.ts";
import { decodeText } from "../src/pipeline/record_text.ts";
import { type ExampleRecord, readExampleRecords } from "../tests/support/example_records.ts";

const ROUNDS = 40;
const PASSES_PER_ROUND = 2_000;

const { pipeline, records } = await readExampleRecords();
const mapped = records.filter(({ source, record }) => pipeline.mapRecord(source, record, 0).kind === "messages");
/** Integers beyond 2^53 make a record be read twice, the second time exactly: measured apart. */
const ordinary = mapped.filter(({ text }) => !/[0-9]{16}/.test(text));
const exact = mapped.filter((each) => !ordinary.includes(each));

const map = ({ source, record }: ExampleRecord) => pipeline.mapRecord(source, record, 0);
const STAGES = {
  parse: ({ text }: ExampleRecord) => JSON.parse(text),
  read: ({ record: { value } }: ExampleRecord) => JSON.parse(decodeText(value ?? new Uint8Array()) ?? "null"),
  map,
  mapAndFormat: (each: ExampleRecord) => formatAll(map(each)),
} as const;
type Stage = keyof typeof STAGES;

/** Keeps results alive, so that nothing measured is optimised away. */
let sink: unknown;

const total = fastestNanoseconds(ordinary);
// deno-lint-ignore no-console -- the one line that it is run for
console.log(JSON.stringify({
  bench: "pipeline",
  records: ordinary.length,
  averageBytes: Math.round(
    ordinary.reduce((sum, { record }) => sum + (record.value?.length ?? 0), 0) / ordinary.length,
  ),
  parseNs: Math.round(total.parse),
  readNs: Math.round(total.read),
  mapRecordNs: Math.round(total.map),
  mapRecordAndFormatNs: Math.round(total.mapAndFormat),
  mappingRatio: ratio(total.map - total.read, total.parse),
  overheadRatio: ratio(total.map - total.parse, total.parse),
  totalRatio: ratio(total.map, total.parse),
  mappingAndFormatRatio: ratio(total.mapAndFormat - total.read, total.parse),
  recordsPerSecond: Math.round(1e9 / total.map),
  exactIntegers: ratio(fastestNanoseconds(exact).map, total.map),
  perRule: ordinary.map((each) => {
    const { parse, read, map } = fastestNanoseconds([each]);
    const outcome = pipeline.mapRecord(each.source, each.record, 0);
    return {
      rule: outcome.kind === "messages" ? outcome.rule : "",
      bytes: each.record.value?.length,
      parseNs: Math.round(parse),
      mapRecordNs: Math.round(map),
      mappingRatio: ratio(map - read, parse),
    };
  }),
}));
if (sink === undefined) throw new Error("Cannot measure the pipeline: it made nothing");

/** Nanoseconds a record of each stage. */
function fastestNanoseconds(of: readonly ExampleRecord[]): Readonly<Record<Stage, number>> {
  const fastest = { parse: Infinity, read: Infinity, map: Infinity, mapAndFormat: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    for (const stage of ["parse", "read", "map", "mapAndFormat"] as const) {
      const run = STAGES[stage];
      const startMs = performance.now();
      for (let pass = 0; pass < PASSES_PER_ROUND; pass++) for (const each of of) sink = run(each);
      const perRecordNs = (performance.now() - startMs) * 1e6 / PASSES_PER_ROUND / of.length;
      fastest[stage] = Math.min(fastest[stage], perRecordNs);
    }
  }
  return fastest;
}

function formatAll(outcome: MappingOutcome): number {
  if (outcome.kind !== "messages") return 0;
  return outcome.messages.reduce((length, message) => length + message.toSSEFormat().length, 0);
}

function ratio(value: number, base: number): number {
  return Math.round(value / base * 100) / 100;
}
