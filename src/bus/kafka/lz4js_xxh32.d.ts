declare const xxh32: {
  hash(seed: number, source: Uint8Array, start: number, length: number): number;
};
export default xxh32;
