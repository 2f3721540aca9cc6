/**
 * Reads the primitive types of Kafka's protocol (https://kafka.apache.org/protocol#protocol_types), the flexible
 * versions only. Bytes are views of the answer, never copies.
 *
 * @throws RangeError when the answer ends before the value does
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(bytes: Uint8Array) {
    // Plain views: a subarray of a Node Buffer would be a Buffer, with another toString() and slice().
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  int8(): number {
    return this.#view.getInt8(this.#advance(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#advance(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4));
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#advance(8));
  }

  /** Unsigned, at most 32 bits. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#view.getUint8(this.#advance(1));
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError("Cannot read a number from Kafka's answer: its variable-length form is longer than 5 bytes");
  }

  /** Signed (zigzag), at most 32 bits. */
  varint(): number {
    const value = this.uvarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** Signed (zigzag), as a number: exact up to 2^53, which timestamps never reach. */
  varlong(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
      const byte = this.#view.getUint8(this.#advance(1));
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    throw new RangeError("Cannot read a number from Kafka's answer: its variable-length form is longer than 10 bytes");
  }

  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Bytes behind a zigzag length, as records have them; -1 is `null`. */
  varintBytes(): Uint8Array | null {
    const length = this.varint();
    return length < 0 ? null : this.bytes(length);
  }

  /** Bytes behind an unsigned length + 1; 0 is `null`. */
  compactBytes(): Uint8Array | null {
    const length = this.uvarint();
    return length === 0 ? null : this.bytes(length - 1);
  }

  compactString(): string | null {
    const bytes = this.compactBytes();
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  /** Calls `read` once for each element; a null array has none. */
  compactArray<Element>(read: () => Element): Element[] {
    const length = this.uvarint() - 1;
    const elements: Element[] = [];
    for (let index = 0; index < length; index++) elements.push(read());
    return elements;
  }

  /** 16 bytes as hexadecimal text. */
  uuid(): string {
    return this.bytes(16).toHex();
  }

  skipTaggedFields(): void {
    this.taggedFields(() => {});
  }

  /** Calls `read` once for each tagged field, with a reader of that field alone. */
  taggedFields(read: (tag: number, field: WireReader) => void): void {
    for (let left = this.uvarint(); left > 0; left--) {
      const tag = this.uvarint();
      read(tag, new WireReader(this.bytes(this.uvarint())));
    }
  }

  #advance(length: number): number {
    const start = this.#position;
    if (length < 0 || start + length > this.#bytes.length) {
      throw new RangeError(
        `Cannot read ${length} bytes from Kafka's answer: it ends ${this.remaining} bytes from here`,
      );
    }
    this.#position = start + length;
    return start;
  }
}
