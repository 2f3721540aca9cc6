import { BASE64URL } from "./base64_vlq.ts";

/** 6 bits a character of an FNV-1a hash; it tells apart, it does not protect. */
export function fingerprint(text: string, characters: number): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash ^= hash >>> 13;
  let result = "";
  for (let index = 0; index < characters; index++) result += BASE64URL.charAt((hash >>> (6 * index)) & 63);
  return result;
}
