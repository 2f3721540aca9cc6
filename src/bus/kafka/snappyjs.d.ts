declare const snappy: {
  compress(source: Uint8Array): Uint8Array;
  /** Throws when the data is damaged, or says that it unpacks into more than `maxLength` bytes. */
  uncompress(source: Uint8Array, maxLength: number): Uint8Array;
};
export default snappy;
