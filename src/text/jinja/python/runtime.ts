// What one rendering has to hold: how much it may still do, and which characters are marked. A template comes with a
// model file and may be written to hang or to fill memory, so work is charged before it is done.
import { type Marks } from '../../provenance.ts';
import { type Operation } from './calls.ts';
import { fail } from './values.ts';

/** Filters and tests by name, for those that take the name of another. */
export type Operations = Readonly<Record<'filter' | 'test', Readonly<Record<string, Operation>>>>;

/** Far above any real template (the longest known have 30 kB and take some 10,000 steps for a long conversation). */
export const bounds = {
  sourceLength: 2 ** 18,
  steps: 2_000_000,
  stringLength: 2 ** 23,
  listLength: 100_000,
  intBits: 2 ** 16,
  depth: 100,
  nesting: 200,
} as const;

export class Runtime {
  #steps = 0;
  #depth = 0;

  constructor(readonly operations: Operations, readonly now: Date, readonly marks?: Marks) {}

  /** Throws a RangeError after too many. */
  step(count = 1): void {
    this.#steps += count;
    if (!(this.#steps <= bounds.steps)) throw new RangeError(`it takes more than ${bounds.steps} steps`);
  }

  /** Asks for a new text of so many characters. */
  text(length: number): void {
    if (!(length <= bounds.stringLength)) throw new RangeError(`it makes a text of ${length} characters; the most is ${bounds.stringLength}`);
    this.step(length / 64);
  }

  /** Asks for a new list of so many elements. */
  list(length: number): void {
    if (!(length <= bounds.listLength)) throw new RangeError(`it makes a list of ${length} elements; the most is ${bounds.listLength}`);
    this.step(length / 4);
  }

  /** Asks for a new integer of so many bits. */
  int(bits: number): void {
    if (!(bits <= bounds.intBits)) throw new RangeError(`it makes a number of ${bits} bits; the most is ${bounds.intBits}`);
    this.step((bits / 1024) ** 2);
  }

  /** Asks to search a text for another: where both repeat themselves, it takes as long as their product. */
  search(length: number, sought: number): void {
    this.step(length / 256 + (Math.max(0, length - sought) * sought) / 2 ** 14);
  }

  /** Runs what may call itself. */
  deeper<T>(run: () => T): T {
    if (this.#depth >= bounds.depth) fail('maximum recursion depth exceeded');
    this.#depth++;
    try {
      return run();
    } finally {
      this.#depth--;
    }
  }

  /** The text without marks; they change no index. */
  plain = (text: string): string => this.marks?.unmark(text) ?? text;
}
