declare const lz4: {
  /** One frame. */
  compress(source: Uint8Array): Uint8Array;
};
export default lz4;
