import { BusError, type PublishRecord } from "./event_bus.ts";

/** What may wait for a middleware at one time. */
export interface PublishLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/** A middleware that hangs costs this much memory, and some seconds of a busy publisher's records still find room. */
export const PUBLISH_LIMITS: PublishLimits = { maxRecords: 100_000, maxBytes: 64 * 1024 * 1024 };

/** Counts the records that wait for their middleware, and refuses what would be too many: there is no unbounded queue. */
export class PublishAllowance {
  readonly #limits: PublishLimits;
  #records = 0;
  #bytes = 0;

  constructor(limits: PublishLimits = PUBLISH_LIMITS) {
    this.#limits = limits;
  }

  /**
   * Runs the publish while its records count as waiting.
   *
   * @throws BusError when others wait already and these would be too many with them
   */
  async hold<Result>(name: string, records: readonly PublishRecord[], publish: () => Promise<Result>): Promise<Result> {
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
    const { maxRecords, maxBytes } = this.#limits;
    // One publish alone always passes: whoever calls has bounded it, and refusing it now would be refusing it for ever.
    const isFull = this.#records + records.length > maxRecords || this.#bytes + bytes > maxBytes;
    if (this.#records > 0 && isFull) {
      throw new BusError(
        `Cannot publish ${records.length} records to ${name}: ${this.#records} records of ${this.#bytes} bytes wait for it ` +
          `already, ${maxRecords} records and ${maxBytes} bytes are possible. Publish again when it has caught up.`,
      );
    }
    this.#records += records.length;
    this.#bytes += bytes;
    try {
      return await publish();
    } finally {
      this.#records -= records.length;
      this.#bytes -= bytes;
    }
  }
}

function sizeOf({ key, value, headers }: PublishRecord): number {
  let bytes = (key?.byteLength ?? 0) + value.byteLength;
  if (headers) { for (const [name, header] of headers) bytes += name.length + header.byteLength; }
  return bytes;
}
