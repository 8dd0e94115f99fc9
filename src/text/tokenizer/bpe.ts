// Byte-pair encoding of one fragment of text: cut into words, then merge neighbouring symbols by rank. Two alphabets:
// the bytes of the text (GPT-2 and most others), or its characters with <0x0A> tokens for what is missing (Gemma 4).
import { InvalidFileError } from '../../errors.ts';
import { type Metadata } from '../../gguf/header.ts';
import { getStrings } from '../../gguf/metadata.ts';
import { byteCharacters } from './byte-alphabet.ts';
import { PairTable } from './pair-table.ts';
import { type PreTokenizer, splitWords } from './pre-tokenizers.ts';
import { SymbolChain } from './symbol-chain.ts';
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
  const byteSymbols = byteCharacters.map((character) => symbols.get(character) ?? -1);
  const chain = new SymbolChain();

  /** Fills `chain` with a symbol for each byte or character of the word; the result spells some of them. */
  function alphabet(word: string): (start: number, end: number) => string {
    if (pre.characters) {
      const characters = [...word];
      chain.reset(characters.length);
      for (let i = 0; i < characters.length; i++) chain.symbols[i] = symbols.get(characters[i]) ?? -1;
      return (start, end) => characters.slice(start, end).join('');
    }
    const bytes = utf8.encode(word);
    chain.reset(bytes.length);
    for (let i = 0; i < bytes.length; i++) chain.symbols[i] = byteSymbols[bytes[i]];
    return (start, end) => spellBytes(bytes.subarray(start, end));
  }

  function encodeWord(word: string): readonly number[] {
    const spell = alphabet(word);
    const { count, symbols, ends } = chain;
    if (pre.wholeWords || (pre.wholeNewlines && /^\n+$/.test(word))) {
      const id = ids.get(spell(0, count));
      if (id !== undefined) return [id];
    }
    chain.merge(pairs);
    const result: number[] = [];
    for (let start = 0; start < count; start = ends[start]) {
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
    if (space < 0 || space === text.length - 1)
      throw new InvalidFileError(`Entry ${rank} of ${name} is ${JSON.stringify(text.slice(0, 80))}; needed are two spellings with a space between.`);
    const left = text.slice(0, space);
    const right = text.slice(space + 1);
    pairs.add(intern(left), intern(right), rank, intern(left + right));
  });
  return { pairs, symbols: extra ? new Map([...vocabulary.ids, ...extra]) : vocabulary.ids };
}
