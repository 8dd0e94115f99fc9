// A hash table from a pair of symbols to the rank of their merge and the symbol it makes, in typed arrays: a Map with a
// key per pair costs ten times the memory and twice the time to fill for the 300,000 merges of large vocabularies.

export class PairTable {
  readonly #mask: number;
  /** (slot, [left, right, rank, merged]); rank -1 is an empty slot. */
  readonly #slots: Int32Array;

  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * capacity + 2));
    this.#mask = size - 1;
    this.#slots = new Int32Array(4 * size).fill(-1);
  }

  /** Keeps the rank that a pair was given first. */
  add(left: number, right: number, rank: number, merged: number): void {
    const at = this.find(left, right);
    if (this.#slots[at + 2] >= 0) return;
    this.#slots.set([left, right, rank, merged], at);
  }

  /** The place of a pair, or where it would be: for `rank` and `merged`. */
  find(left: number, right: number): number {
    const slots = this.#slots;
    let slot = Math.imul(Math.imul(left, 0x9e3779b1) ^ right, 0x85ebca6b);
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    for (;;) {
      const at = 4 * slot;
      if (slots[at + 2] < 0 || (slots[at] === left && slots[at + 1] === right)) return at;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** -1 if the pair at this place is none. */
  rank(at: number): number {
    return this.#slots[at + 2];
  }

  merged(at: number): number {
    return this.#slots[at + 3];
  }
}
