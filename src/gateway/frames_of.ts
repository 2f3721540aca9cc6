import type { BusRecord } from "../model/bus_record.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { encodeFrame, type Frame } from "../wire/frame.ts";

/**
 * Records read again become frames as they did live: the same mapping, the same minimisation, withheld where the live
 * path withholds. They carry no cursor yet: each client's replay gives them its own.
 */
export function framesOf(
  pipeline: Pipeline,
  place: { readonly source: string; readonly sourceIndex: number; readonly partition: number },
  records: readonly BusRecord[],
  maxFrameBytes: number,
): readonly Frame[] {
  const frames: Frame[] = [];
  const outcomes = pipeline.mapBatch(place.source, place.partition, records);
  for (const [index, record] of records.entries()) {
    const outcome = outcomes[index];
    if (outcome?.kind !== "messages") continue;
    const { sourceIndex, partition } = place;
    const at = { seq: -1, sourceIndex, partition, offset: record.offset };
    try {
      const encoded = outcome.messages.map((message) => encodeFrame(message, "", at));
      frames.push(...encoded.filter(({ bytes, bodyStart }) => bytes.length - bodyStart <= maxFrameBytes));
    } catch {
      // The record could be no frames when it was live either: counted and dead-lettered there.
    }
  }
  return frames;
}
