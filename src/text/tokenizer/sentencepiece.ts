// SentencePiece-style tokenising of one fragment of text: characters merge with their neighbours as long as the pair is
// a token, the best score first. What is no token in the end is spelt in bytes.
import { type EncodeFragment } from './bpe.ts';
import { MergeQueue, mostSymbols } from './merge-queue.ts';
import { type Vocabulary } from './vocabulary.ts';

export function createSentencePiece(vocabulary: Vocabulary): EncodeFragment {
  const { ids, spellings } = vocabulary;
  const ranks = rankScores(vocabulary.scores);
  let longest = 0;
  for (const spelling of spellings) longest = Math.max(longest, spelling.length);
  const utf8 = new TextEncoder();
  const byteIds = Array.from(
    { length: 256 },
    (_, byte) => ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`) ?? ids.get(String.fromCharCode(byte)) ?? vocabulary.unknown,
  );

  return (plain, result) => {
    const text = plain.replaceAll(' ', '▁');
    if (text.length >= mostSymbols) throw new RangeError(`A text of ${text.length} UTF-16 units is too long; the most is ${mostSymbols}.`);
    // A symbol is known by the UTF-16 unit it starts at; `ends` is 0 inside a symbol.
    const ends = new Int32Array(text.length);
    const previous = new Int32Array(text.length);
    let last = -1;
    for (let start = 0; start < text.length; ) {
      const end = start + (text.codePointAt(start)! > 0xffff ? 2 : 1);
      ends[start] = end;
      previous[start] = last;
      last = start;
      start = end;
    }
    const queue = new MergeQueue();
    /** The token that the symbol at `left` and the next one make. */
    const together = (left: number): number | undefined => {
      const right = ends[left];
      if (right === text.length) return undefined;
      const end = ends[right];
      return end - left > longest ? undefined : ids.get(text.slice(left, end));
    };
    const consider = (left: number): void => {
      const id = together(left);
      if (id !== undefined) queue.push(ranks[id], left);
    };
    for (let left = 0; left < text.length; left = ends[left]) consider(left);
    while (queue.size > 0) {
      const key = queue.pop();
      const left = key % mostSymbols;
      if (ends[left] === 0) continue; // swallowed by its neighbour since
      const id = together(left);
      // The pair may have changed since; one of the same score is as good.
      if (id === undefined || ranks[id] !== (key - left) / mostSymbols) continue;
      const right = ends[left];
      ends[left] = ends[right];
      ends[right] = 0;
      if (ends[left] < text.length) previous[ends[left]] = left;
      consider(left);
      if (previous[left] >= 0) consider(previous[left]);
    }
    for (let start = 0; start < text.length; start = ends[start]) {
      const piece = text.slice(start, ends[start]);
      const id = ids.get(piece);
      if (id !== undefined) result.push(id);
      else for (const byte of utf8.encode(piece)) if (byteIds[byte] !== undefined) result.push(byteIds[byte]);
    }
  };
}

/** (id) the place of its score among all different scores, the best first. */
function rankScores(scores: ArrayLike<number>): Int32Array {
  const sorted = [...new Set(Array.from(scores))].sort((a, b) => b - a);
  const places = new Map(sorted.map((score, place) => [score, place]));
  return Int32Array.from(scores, (score) => places.get(score)!);
}
