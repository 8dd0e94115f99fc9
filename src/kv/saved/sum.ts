// A sum of bytes.

/** FNV-1a of 32 bits: tells what was damaged, plans and texts apart, and is no secret. */
export function sumOf(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i], 0x01000193);
  return sum >>> 0;
}

/** The same of words, lowest byte first, and then of the bytes that are left: for what is long. Whatever one of them is changed to, the sum is another one. */
export function sumOfWords(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = bytes.byteLength >> 2;
  let sum = 0x811c9dc5;
  for (let i = 0; i < words; i++) sum = Math.imul(sum ^ view.getUint32(4 * i, true), 0x01000193);
  for (let i = 4 * words; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i], 0x01000193);
  return sum >>> 0;
}
