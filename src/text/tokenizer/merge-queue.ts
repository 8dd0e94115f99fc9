// A priority queue of merges of neighbouring symbols: smallest rank first, of equal ranks the leftmost. Knows no symbols.

/** Symbols of one piece of text that can be told apart: a key (rank, position) must stay an exact double. */
export const mostSymbols = 2 ** 28;

export class MergeQueue {
  #keys = new Float64Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `rank` is below 2^24. */
  push(rank: number, position: number): void {
    if (this.#size === this.#keys.length) {
      const grown = new Float64Array(2 * this.#size);
      grown.set(this.#keys);
      this.#keys = grown;
    }
    const keys = this.#keys;
    const key = rank * mostSymbols + position;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      at = parent;
    }
    keys[at] = key;
  }

  /** Takes the first merge out: rank * mostSymbols + position. */
  pop(): number {
    const keys = this.#keys;
    const first = keys[0];
    const key = keys[--this.#size];
    const size = this.#size;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= key) break;
      keys[at] = keys[child];
      at = child;
    }
    keys[at] = key;
    return first;
  }
}
