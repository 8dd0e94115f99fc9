// The symbols of one word, of which neighbours merge by rank until no pair is left. Used again for each word, since text
// has hundreds of thousands of them.
import { MergeQueue, mostSymbols } from './merge-queue.ts';
import { type PairTable } from './pair-table.ts';

export class SymbolChain {
  /** Symbols of the word. */
  count = 0;
  /** (position) the symbol that begins here; stale inside a symbol. */
  symbols = new Int32Array(256);
  /** (position) where the symbol that begins here ends; 0 inside a symbol. */
  ends = new Int32Array(256);
  #previous = new Int32Array(256);
  readonly #queue = new MergeQueue();

  /** Makes room for `count` symbols, for the caller to fill in; each ends after itself. */
  reset(count: number): void {
    if (count >= mostSymbols) throw new RangeError(`A word of ${count} bytes is too long; the most is ${mostSymbols - 1}.`);
    this.count = count;
    if (count > this.symbols.length) {
      this.symbols = new Int32Array(2 * count);
      this.ends = new Int32Array(2 * count);
      this.#previous = new Int32Array(2 * count);
    }
    for (let i = 0; i < count; i++) {
      this.ends[i] = i + 1;
      this.#previous[i] = i - 1;
    }
  }

  /** Merges the pair of the lowest rank, of equal ones the leftmost, as long as there is one. */
  merge(pairs: PairTable): void {
    const { count, symbols, ends } = this;
    const previous = this.#previous;
    const queue = this.#queue;
    const consider = (left: number): void => {
      const rank = pairs.rank(pairs.find(symbols[left], symbols[ends[left]]));
      if (rank >= 0) queue.push(rank, left);
    };
    for (let i = 0; i + 1 < count; i++) consider(i);
    while (queue.size > 0) {
      const key = queue.pop();
      const left = key % mostSymbols;
      const right = ends[left];
      // Stale entries: `left` was swallowed, or has other neighbours by now.
      if (right === 0 || right >= count) continue;
      const at = pairs.find(symbols[left], symbols[right]);
      if (pairs.rank(at) !== (key - left) / mostSymbols) continue;
      symbols[left] = pairs.merged(at);
      ends[left] = ends[right];
      ends[right] = 0;
      if (ends[left] < count) {
        previous[ends[left]] = left;
        consider(left);
      }
      if (previous[left] >= 0) consider(previous[left]);
    }
  }
}
