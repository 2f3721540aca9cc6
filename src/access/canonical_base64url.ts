const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const FORM = /^[A-Za-z0-9_-]*$/;

/**
 * Whether a text is the one base64url form of its bytes (RFC 4648, 3.5): the alphabet of URLs, no padding, no blanks,
 * and the bits that the last character has too many are zero. Decoders forgive all that, and so give one token many
 * texts.
 */
export function isCanonicalBase64url(text: string): boolean {
  const remainder = text.length % 4;
  if (remainder === 1 || !FORM.test(text)) return false;
  if (remainder === 0) return true;
  const last = ALPHABET.indexOf(text.charAt(text.length - 1));
  return (last & (remainder === 2 ? 0b1111 : 0b11)) === 0;
}
