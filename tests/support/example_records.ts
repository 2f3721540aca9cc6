import { parse } from "yaml";
import { type Config, configSchema } from "../../src/config/schema.ts";
import type { BusRecord } from "../../src/model/bus_record.ts";
import { createPipeline, type Pipeline } from "../../src/pipeline/pipeline.ts";

/** One sample record of the example, as a bus would deliver it. */
export interface ExampleRecord {
  readonly source: string;
  readonly record: BusRecord;
  /** The value's JSON text. */
  readonly text: string;
}

const FOLDER = new URL("../../docs/examples/novel-platform/", import.meta.url);

/** The example of docs/examples/novel-platform: its configuration with the defaults of its variables, and its records. */
export async function readExampleRecords(): Promise<{
  readonly config: Config;
  readonly pipeline: Pipeline;
  readonly records: readonly ExampleRecord[];
}> {
  const yaml = await Deno.readTextFile(new URL("tidegate.yaml", FOLDER));
  const config = configSchema.parse(parse(yaml.replaceAll(/\$\{\w+:-([^}]*)\}/g, "$1")));
  const formats = new Map(Object.entries(config.sources).map(([name, { format }]) => [name, format]));
  const lines = (await Deno.readTextFile(new URL("records.jsonl", FOLDER))).trim().split("\n");
  return {
    config,
    pipeline: createPipeline({ mappings: config.mappings, formats }),
    records: lines.map((line, index) => toExampleRecord(line, index)),
  };
}

function toExampleRecord(line: string, index: number): ExampleRecord {
  const encoder = new TextEncoder();
  const { source, key, headers } = JSON.parse(line);
  // The value's own text: parsed and written again, its large integers would have other digits.
  const text = line.slice(line.indexOf('"value":') + '"value":'.length, -1);
  const value = encoder.encode(text);
  const record: BusRecord = {
    offset: BigInt(index),
    timestampMs: Date.UTC(2026, 0, 1),
    key: key === undefined ? null : encoder.encode(key),
    value,
    headers: new Map(Object.entries(headers ?? {}).map(([name, each]) => [name, encoder.encode(String(each))])),
  };
  // Decoded anew: a part of a longer text would be copied by every JSON.parse of it.
  return { source, record, text: new TextDecoder().decode(value) };
}
