// How the codes of a group of 32 weights lie in words, for every type alike: weight j is byte j & 3 of its word, and
// which bits of that byte depends on i = j >> 2. So a shader gets four codes of neighbouring weights with one shift and mask.
//   nibbles: 4 words; word i & 3, bits 4 * (i >> 2)      pairs: 2 words; word i >> 2, bits 2 * (i & 3)      bits: 1 word; bit i

export const nibbleAt = (words: Uint32Array, at: number, j: number): number => (words[at + ((j >> 2) & 3)] >>> (8 * (j & 3) + 4 * (j >> 4))) & 15;
export const pairAt = (words: Uint32Array, at: number, j: number): number => (words[at + (j >> 4)] >>> (8 * (j & 3) + 2 * ((j >> 2) & 3))) & 3;
export const bitAt = (words: Uint32Array, at: number, j: number): number => (words[at] >>> (8 * (j & 3) + (j >> 2))) & 1;

// The K types spread a group over 32 bytes, one weight each, at the same `shift` in all of them.

/** Packs the nibbles at `shift` of 32 bytes at `offset` into the four words at `at`. */
export function gatherNibbles(source: DataView, offset: number, shift: number, words: Uint32Array, at: number): void {
  for (let i = 0; i < 4; i++) {
    const first = (source.getUint32(offset + 4 * i, true) >>> shift) & 0x0f0f0f0f;
    const second = (source.getUint32(offset + 16 + 4 * i, true) >>> shift) & 0x0f0f0f0f;
    words[at + i] = first | (second << 4);
  }
}

/** Packs the two bits at `shift` of 32 bytes at `offset` into the two words at `at`. */
export function gatherPairs(source: DataView, offset: number, shift: number, words: Uint32Array, at: number): void {
  let first = 0;
  let second = 0;
  for (let i = 0; i < 4; i++) {
    first |= ((source.getUint32(offset + 4 * i, true) >>> shift) & 0x03030303) << (2 * i);
    second |= ((source.getUint32(offset + 16 + 4 * i, true) >>> shift) & 0x03030303) << (2 * i);
  }
  words[at] = first;
  words[at + 1] = second;
}

/** Packs bit `shift` of 32 bytes at `offset` into one word. */
export function gatherBits(source: DataView, offset: number, shift: number): number {
  let word = 0;
  for (let i = 0; i < 8; i++) word |= ((source.getUint32(offset + 4 * i, true) >>> shift) & 0x01010101) << i;
  return word;
}

/** The same word from 32 bits in the order of the weights, as Q5_0 and Q5_1 store them. */
export function spreadBits(bits: number): number {
  let word = 0;
  for (let i = 0; i < 8; i++) word |= ((((bits >>> (4 * i)) & 15) * 0x204081) & 0x01010101) << i; // bit b of four goes to byte b
  return word;
}

// Sixteen 6-bit numbers, two per group, in three words: 16 nibbles, then 16 pairs of upper bits.

/** Packs 16 numbers from 0 to 63 into the three words at `at`. */
export function packSixes(numbers: Uint8Array, words: Uint32Array, at: number): void {
  words.fill(0, at, at + 3);
  for (let i = 0; i < 16; i++) {
    words[at + (i >> 3)] |= (numbers[i] & 15) << (4 * (i & 7));
    words[at + 2] |= (numbers[i] >> 4) << (2 * i);
  }
}

export const sixAt = (words: Uint32Array, at: number, i: number): number =>
  ((words[at + (i >> 3)] >>> (4 * (i & 7))) & 15) | (((words[at + 2] >>> (2 * i)) & 3) << 4);
