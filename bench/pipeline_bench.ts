/**
 * What mapping costs beside reading: the records of docs/examples/novel-platform through its own mapping, measured
 * against JSON.parse of the same text. Prints one JSON line.
 *
 *     deno run -A bench/pipeline_bench.ts
 *
 * `overheadRatio` = (mapRecord − JSON.parse) / JSON.parse: what the pipeline adds, byte decoding included. Each figure
 * is the median of interleaved rounds, so that a busy machine slows both sides alike.
 */
import { readExampleRecords } from "../tests/support/example_records.ts";
import type { MappingOutcome } from "../src/pipeline/mapping_outcome.ts";

const ROUNDS = 31;
const CALLS_PER_ROUND = 20_000;

const { pipeline, records } = await readExampleRecords();
const mapped = records.filter(({ source, record }) => pipeline.mapRecord(source, record, 0).kind === "messages");
/** Integers beyond 2^53 make a record be read twice: counted apart. */
const needsExactReading = (text: string) => /[0-9]{16}/.test(text);

const figures = mapped.map(({ source, record, text }) => {
  const bytes = record.value ?? new Uint8Array();
  const decoder = new TextDecoder();
  const measured = medianNanoseconds({
    parse: () => JSON.parse(text),
    decodeAndParse: () => JSON.parse(decoder.decode(bytes)),
    map: () => pipeline.mapRecord(source, record, 0),
    mapAndFormat: () => formatAll(pipeline.mapRecord(source, record, 0)),
  });
  const outcome = pipeline.mapRecord(source, record, 0);
  return {
    isExact: needsExactReading(text),
    rule: outcome.kind === "messages" ? outcome.rule : "",
    bytes: bytes.byteLength,
    ...measured,
  };
});

const sum = (name: "parse" | "decodeAndParse" | "map" | "mapAndFormat") =>
  figures.filter(({ isExact }) => !isExact).reduce((total, each) => total + each[name], 0);
const ratio = (value: number) => Math.round(value * 100) / 100;
console.log(JSON.stringify({
  bench: "pipeline",
  overheadRatio: ratio((sum("map") - sum("parse")) / sum("parse")),
  totalRatio: ratio(sum("map") / sum("parse")),
  totalRatioOfDecodeAndParse: ratio(sum("map") / sum("decodeAndParse")),
  overheadRatioWithFormat: ratio((sum("mapAndFormat") - sum("parse")) / sum("parse")),
  recordsPerSecond: Math.round(1e9 * figures.filter(({ isExact }) => !isExact).length / sum("map")),
  perRule: figures.map(({ rule, isExact, bytes, parse, map, mapAndFormat }) => ({
    rule,
    isExact,
    bytes,
    parseNs: Math.round(parse),
    mapNs: Math.round(map),
    mapAndFormatNs: Math.round(mapAndFormat),
    overheadRatio: ratio((map - parse) / parse),
  })),
}));

function medianNanoseconds<Name extends string>(tasks: Readonly<Record<Name, () => unknown>>): Record<Name, number> {
  const names = Object.keys(tasks) as Name[];
  const rounds = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      const task = tasks[name];
      const startMs = performance.now();
      for (let call = 0; call < CALLS_PER_ROUND; call++) task();
      rounds[name].push((performance.now() - startMs) * 1e6 / CALLS_PER_ROUND);
    }
  }
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return Object.fromEntries(names.map((name) => [name, median(rounds[name])])) as Record<Name, number>;
}

function formatAll(outcome: MappingOutcome): number {
  if (outcome.kind !== "messages") return 0;
  return outcome.messages.reduce((length, message) => length + message.toSSEFormat().length, 0);
}
