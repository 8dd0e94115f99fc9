// The texts of all tokens as one tree of bytes, laid out flat in the order in which it is walked: what begins alike is
// looked at once, and a subtree that cannot follow is stepped over.
import { type Tokenizer } from '../tokenizer/tokenizer.ts';

export interface TokenTrie {
  /** (node) the byte that leads there. */
  readonly bytes: Uint8Array;
  /** (node) bytes before it; those of the root's children have 0. */
  readonly depths: Uint16Array;
  /** (node) the node after its subtree. */
  readonly after: Int32Array;
  /** (node) first of its tokens in `tokens`; those of a node end where those of the next begin. (nodes + 1) */
  readonly first: Int32Array;
  readonly tokens: Int32Array;
}

/** Of what a grammar may say: not control tokens, tokens that end an answer or tokens without a text. */
export function createTokenTrie(tokenizer: Tokenizer): TokenTrie {
  const { vocabSize, endOfTurn } = tokenizer;
  const spelt: [string, number][] = [];
  for (let id = 0; id < vocabSize; id++) {
    const piece = endOfTurn.has(id) ? undefined : tokenizer.piece(id);
    if (piece?.length && piece.length < 2 ** 15) spelt.push([binary(piece), id]);
  }
  spelt.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const bytes: number[] = [];
  const depths: number[] = [];
  const after: number[] = [];
  const ends: number[] = []; // the node of each token: they ascend, as nodes are in the same order
  const path: number[] = [];
  let before = '';
  const close = (depth: number): void => {
    while (path.length > depth) after[path.pop()!] = bytes.length;
  };
  for (const [text] of spelt) {
    let common = 0;
    while (common < before.length && before.charCodeAt(common) === text.charCodeAt(common)) common++;
    close(common);
    for (let at = common; at < text.length; at++) {
      path.push(bytes.length);
      depths.push(at);
      after.push(0);
      bytes.push(text.charCodeAt(at));
    }
    ends.push(path.at(-1)!);
    before = text;
  }
  close(0);
  const first = new Int32Array(bytes.length + 1);
  for (const node of ends) first[node + 1]++;
  for (let node = 0; node < bytes.length; node++) first[node + 1] += first[node];
  return {
    bytes: Uint8Array.from(bytes),
    depths: Uint16Array.from(depths),
    after: Int32Array.from(after),
    first,
    tokens: Int32Array.from(spelt, ([, id]) => id),
  };
}

/** A byte per UTF-16 unit, as texts are sorted faster than arrays. */
function binary(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
