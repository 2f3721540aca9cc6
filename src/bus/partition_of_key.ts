/**
 * The partition of a key: FNV-1a, 32 bits, modulo the partitions. It is part of the file format: another function would
 * put new records of a key behind the old ones' partition.
 */
export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  let hash = 0x811c9dc5;
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % partitionCount;
}
