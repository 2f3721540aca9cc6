import type { EventBus } from "../bus/event_bus.ts";
import type { Config } from "../config/schema.ts";
import { DeadLetterFile } from "./dead_letter_file.ts";

/** Where dead letters are kept, and beside each what was done about it: an append-only list of JSON texts. */
export interface DeadLetterPlace {
  /** What configures it; a label of metrics. */
  readonly kind: "source" | "file";
  /** For people. */
  readonly name: string;
  /**
   * Appends in order and resolves with how many were taken; the others find no room. Rejects when the place cannot be
   * written to.
   *
   * @param isNote whether these are notes about letters, for which a place that is full of letters has room
   */
  append(entries: readonly DeadLetterEntry[], isNote: boolean): Promise<number>;
  /** Everything that is kept, entries of one letter in the order in which they were appended. */
  read(): AsyncIterable<string>;
}

/** One JSON text, and the letter that it is about. */
export interface DeadLetterEntry {
  /** `source:partition:offset` of the record. */
  readonly identity: string;
  readonly json: Uint8Array;
}

/** The configured places; the source, which all nodes share, first. */
export function deadLetterPlaces(
  { deadLetter }: Pick<Config["mappings"], "deadLetter">,
  bus: EventBus | undefined,
): readonly DeadLetterPlace[] {
  const { file, maxFileBytes } = deadLetter;
  return [
    ...bus === undefined ? [] : [placeOfBus(bus)],
    ...file === undefined ? [] : [new DeadLetterFile(file, maxFileBytes)],
  ];
}

const encoder = new TextEncoder();

function placeOfBus(bus: EventBus): DeadLetterPlace {
  return {
    kind: "source",
    name: `the source ${bus.source}`,
    append: async (entries) => {
      await bus.publish(entries.map(({ identity, json }) => ({ key: encoder.encode(identity), value: json })));
      return entries.length;
    },
    read: () => textsOf(bus),
  };
}

async function* textsOf(bus: EventBus): AsyncIterable<string> {
  const decoder = new TextDecoder();
  const { partitions } = await bus.bounds();
  const never = new AbortController().signal;
  for (const [partition, { first, next }] of partitions) {
    for await (const event of bus.readRange(partition, first, next, never)) {
      // What retention took is gone for everybody: a list of what is there does not miss it.
      if (event.kind === "gap") continue;
      for (const { value } of event.records) if (value !== null) yield decoder.decode(value);
    }
  }
}
