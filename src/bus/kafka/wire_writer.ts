const INITIAL_BYTES = 256;

/**
 * Writes the primitive types of Kafka's protocol (https://kafka.apache.org/protocol#protocol_types), the flexible
 * versions only. Every verb returns the writer, so that a request reads like its schema.
 */
export class WireWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** What was written; valid until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  int8(value: number): this {
    this.#view.setInt8(this.#reserve(1), value);
    return this;
  }

  int16(value: number): this {
    this.#view.setInt16(this.#reserve(2), value);
    return this;
  }

  int32(value: number): this {
    this.#view.setInt32(this.#reserve(4), value);
    return this;
  }

  int64(value: bigint): this {
    this.#view.setBigInt64(this.#reserve(8), value);
    return this;
  }

  uvarint(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.int8(rest | 0x80);
      rest >>>= 7;
    }
    return this.int8(rest);
  }

  bytes(value: Uint8Array): this {
    const start = this.#reserve(value.length);
    this.#bytes.set(value, start);
    return this;
  }

  compactString(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.uvarint(bytes.length + 1).bytes(bytes);
  }

  compactArray<Element>(elements: readonly Element[], write: (element: Element) => void): this {
    this.uvarint(elements.length + 1);
    elements.forEach(write);
    return this;
  }

  /** 16 bytes given as hexadecimal text. */
  uuid(value: string): this {
    return this.bytes(Uint8Array.fromHex(value));
  }

  /** A structure or request without tagged fields. */
  noTaggedFields(): this {
    return this.uvarint(0);
  }

  #reserve(length: number): number {
    const start = this.#length;
    this.#length = start + length;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return start;
  }
}
