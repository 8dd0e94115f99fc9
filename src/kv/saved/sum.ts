// A sum of bytes.

/** FNV-1a of 32 bits: tells what was damaged, plans and texts apart, and is no secret. */
export function sumOf(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i], 0x01000193);
  return sum >>> 0;
}
