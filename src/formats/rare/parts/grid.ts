// Grids of the IQ types: of all points whose coordinates are of a few levels, those that an index may name. Their order in ggml is that
// of the numbers whose digits, the last coordinate's first, are the levels; so a bit for each point that there could be says it all.

/**
 * The points of a grid, (points, dims), a byte each coordinate. `members`: base64 of a bit for each point of `levels.length` ** `dims`,
 * the lowest bit of a byte first.
 */
export function gridOf(levels: readonly number[], dims: 4 | 8, members: string): Uint8Array<ArrayBuffer> {
  const bits = Uint8Array.from(atob(members), (letter) => letter.charCodeAt(0));
  const points: number[] = [];
  for (let number = 0; number < levels.length ** dims; number++) {
    if (!((bits[number >> 3] >> (number & 7)) & 1)) continue;
    for (let i = 0, rest = number; i < dims; i++, rest = Math.floor(rest / levels.length)) points.push(levels[rest % levels.length]);
  }
  return Uint8Array.from(points);
}

/** The same as shaders read it: dims / 4 words a point, the first coordinate in the lowest byte. */
export const gridWords = (points: Uint8Array<ArrayBuffer>): Uint32Array<ArrayBuffer> => new Uint32Array(points.buffer);
