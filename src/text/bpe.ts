// Byte-pair encoding of one fragment of text: cut into words, then merge neighbouring symbols by rank. Two alphabets:
// the bytes of the text (GPT-2 and most others), or its characters with <0x0A> tokens for what is missing (Gemma 4).
import { InvalidFileError } from '../errors.ts';
import { type Metadata } from '../gguf/header.ts';
import { getStrings } from '../gguf/metadata.ts';
import { byteCharacters } from './byte-alphabet.ts';
import { MergeQueue, mostSymbols } from './merge-queue.ts';
import { PairTable } from './pair-table.ts';
import { type PreTokenizer, splitWords } from './pre-tokenizers.ts';
import { type Vocabulary } from './vocabulary.ts';

/** Appends the ids of a fragment, which holds no special tokens. */
export type EncodeFragment = (text: string, ids: number[]) => void;

/** Words whose ids are kept: text repeats its words. */
const cachedWords = 20_000;

export function createBpe(metadata: Metadata, vocabulary: Vocabulary, pre: PreTokenizer): EncodeFragment {
  const { ids } = vocabulary;
  const { pairs, symbols } = readMerges(metadata, vocabulary);
  const utf8 = new TextEncoder();
  const cache = new Map<string, readonly number[]>();

  /** A symbol for each byte or character of the word. */
  function alphabet(word: string): { symbols: Int32Array; spell: (start: number, end: number) => string } {
    if (pre.characters) {
      const characters = [...word];
      return { symbols: Int32Array.from(characters, (character) => symbols.get(character) ?? -1), spell: (start, end) => characters.slice(start, end).join('') };
    }
    const bytes = utf8.encode(word);
    return { symbols: Int32Array.from(bytes, (byte) => byteSymbols[byte]), spell: (start, end) => spellBytes(bytes.subarray(start, end)) };
  }
  const byteSymbols = byteCharacters.map((character) => symbols.get(character) ?? -1);

  function encodeWord(word: string): readonly number[] {
    const { symbols, spell } = alphabet(word);
    if (pre.wholeWords || (pre.wholeNewlines && /^\n+$/.test(word))) {
      const id = ids.get(spell(0, symbols.length));
      if (id !== undefined) return [id];
    }
    const result: number[] = [];
    const ends = merge(symbols, pairs);
    for (let start = 0; start < symbols.length; start = ends[start]) {
      const symbol = symbols[start];
      if (symbol >= 0 && symbol < vocabulary.spellings.length) result.push(symbol);
      else fallback(spell(start, ends[start]), result);
    }
    return result;
  }

  /** What is no token: byte tokens, or (byte-level) what llama.cpp finds for each byte of the spelling. */
  function fallback(spelling: string, result: number[]): void {
    for (const byte of utf8.encode(spelling)) {
      const text = pre.characters ? `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>` : byte < 128 ? String.fromCharCode(byte) : '';
      const id = ids.get(text);
      if (id !== undefined) result.push(id);
    }
  }

  return (text, result) => {
    for (const word of splitWords(pre, pre.characters ? text.replaceAll(' ', '▁') : text)) {
      let wordIds = cache.get(word);
      if (!wordIds) {
        wordIds = encodeWord(word);
        if (cache.size >= cachedWords) cache.clear();
        if (word.length < 64) cache.set(word, wordIds);
      }
      for (const id of wordIds) result.push(id);
    }
  };
}

const spellBytes = (bytes: Uint8Array): string => {
  let spelling = '';
  for (const byte of bytes) spelling += byteCharacters[byte];
  return spelling;
};

/**
 * Merges neighbours in place until no pair is left. Afterwards symbols[start] is the symbol that begins at `start`, and
 * the result says where it ends; what lies between is stale.
 */
function merge(symbols: Int32Array, pairs: PairTable): Int32Array {
  const count = symbols.length;
  if (count >= mostSymbols) throw new RangeError(`A word of ${count} bytes is too long; the most is ${mostSymbols}.`);
  const ends = new Int32Array(count);
  const previous = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    ends[i] = i + 1;
    previous[i] = i - 1;
  }
  const queue = new MergeQueue();
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
  return ends;
}

/** Merges as a table of symbols. A symbol is a token's id or, for text that merges make but no token spells, a number beyond them. */
function readMerges(metadata: Metadata, vocabulary: Vocabulary): { pairs: PairTable; symbols: ReadonlyMap<string, number> } {
  const name = 'tokenizer.ggml.merges';
  const merges = getStrings(metadata, name);
  if (merges.length >= 2 ** 24) throw new InvalidFileError(`${name} has ${merges.length} entries; the most is ${2 ** 24 - 1}.`);
  const pairs = new PairTable(merges.length);
  let extra: Map<string, number> | undefined;
  const intern = (text: string): number => {
    const id = vocabulary.ids.get(text) ?? extra?.get(text);
    if (id !== undefined) return id;
    extra ??= new Map();
    extra.set(text, vocabulary.spellings.length + extra.size);
    return vocabulary.spellings.length + extra.size - 1;
  };
  merges.forEach((text, rank) => {
    const space = text.indexOf(' ', 1);
    if (space < 0 || space === text.length - 1) throw new InvalidFileError(`Entry ${rank} of ${name} is ${JSON.stringify(text.slice(0, 80))}; needed are two spellings with a space between.`);
    const left = text.slice(0, space);
    const right = text.slice(space + 1);
    pairs.add(intern(left), intern(right), rank, intern(left + right));
  });
  return { pairs, symbols: extra ? new Map([...vocabulary.ids, ...extra]) : vocabulary.ids };
}
