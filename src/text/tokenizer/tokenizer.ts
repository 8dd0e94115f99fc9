// Text to token ids and back, from the metadata of a GGUF alone; ids are exactly llama.cpp's. Puts together the
// vocabulary, the special tokens and one of the ways to cut a text; knows no chat templates.
import { UnsupportedModelError } from '../../errors.ts';
import { type Metadata } from '../../gguf/header.ts';
import { getString } from '../../gguf/metadata.ts';
import { toUtf8 } from '../../gguf/utf8.ts';
import { createBpe, type EncodeFragment } from './bpe.ts';
import { spellingBytes } from './byte-alphabet.ts';
import type * as Greedy from './greedy.ts';
import { gemma4, preTokenizers } from './pre-tokenizers.ts';
import { createSentencePiece } from './sentencepiece.ts';
import { type ControlFilter, createPartition } from './special-tokens.ts';
import { byteValue, isControl, readVocabulary, TokenKind, type Vocabulary } from './vocabulary.ts';

export interface EncodeOptions {
  /**
   * Adds BOS and EOS if the file asks for them; BOS only if the text does not begin with it already. 'begin' adds no EOS:
   * for a text that is to go on.
   */
  readonly addSpecial?: boolean | 'begin';
  /** Recognises control tokens in the text: all, or those that a filter accepts. Default: none, they are plain text. */
  readonly parseSpecial?: ControlFilter;
  /** The text goes on from another: no space is put before it. */
  readonly continues?: boolean;
}

export interface PieceOptions {
  /** Spells control tokens out instead of leaving them empty. */
  readonly special?: boolean;
}

export interface Tokenizer {
  readonly vocabSize: number;
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly unknown: number | undefined;
  /** Whether BOS and EOS are added to a text. */
  readonly addBos: boolean;
  readonly addEos: boolean;
  /** Whether tokenising puts a space before a text, which then stands in the first piece. */
  readonly addSpacePrefix: boolean;
  /** Ids after which an answer is over. */
  readonly endOfTurn: ReadonlySet<number>;
  encode(text: string, options?: EncodeOptions): number[];
  /** UTF-8 of one token as it appears in a text; may be half a character. Not to be changed. */
  piece(id: number, options?: PieceOptions): Uint8Array;
  /** The pieces together as text; broken UTF-8 becomes U+FFFD. */
  decode(ids: Iterable<number>, options?: PieceOptions): string;
  /** The spelling of a token in the vocabulary: of a control token the text that stands for it. */
  spelling(id: number): string;
  /** The id of a spelling. */
  find(spelling: string): number | undefined;
  isControl(id: number): boolean;
  /** The spellings that `parseSpecial` decides on. */
  readonly controlSpellings: readonly string[];
  /** For people: what the file says of its vocabulary and cannot be meant. */
  readonly notices: readonly string[];
}

/** Throws UnsupportedModelError for tokenizers windrow does not have, InvalidFileError for damaged vocabularies. */
export function createTokenizer(metadata: Metadata): Tokenizer {
  const { vocabulary, encodeFragment, pieceOf } = createModel(metadata);
  const { spellings, kinds, guarded, bos, eos, unknown, addBos, addEos, addSpacePrefix, endOfTurn } = vocabulary;
  const partition = createPartition(vocabulary);
  const pieces = new Map<number, Uint8Array>();
  const none = new Uint8Array(0);

  const tokenizer: Tokenizer = {
    vocabSize: spellings.length,
    bos, eos, unknown, addBos, addEos, addSpacePrefix, endOfTurn,
    encode(raw, { addSpecial = false, parseSpecial = false, continues = false } = {}) {
      const text = raw.replace(/\p{Cs}/gu, '\ufffd'); // half a surrogate pair has no UTF-8
      const ids: number[] = [];
      let first = !continues; // or after a special token: there a space is put before the text
      for (const { start, end, id } of partition(text, parseSpecial)) {
        if (id === undefined) encodeFragment((addSpacePrefix && first ? ' ' : '') + text.slice(start, end), ids);
        else ids.push(id);
        first = id !== undefined;
      }
      if (!addSpecial) return ids;
      if (addBos && ids[0] !== bos) ids.unshift(bos!);
      if (addEos && addSpecial !== 'begin') ids.push(eos!);
      return ids;
    },
    piece(id, { special = false } = {}) {
      if (!(id >= 0 && id < spellings.length)) throw new RangeError(`Token ${id} is not in the vocabulary (0 to ${spellings.length - 1}).`);
      if (!special && isControl(kinds[id])) return none;
      let bytes = pieces.get(id);
      if (!bytes) pieces.set(id, (bytes = pieceOf(id)));
      return bytes;
    },
    decode(ids, options) {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      let text = '';
      for (const id of ids) text += decoder.decode(tokenizer.piece(id, options), { stream: true });
      return text + decoder.decode();
    },
    spelling: (id) => spellings[id],
    find: (spelling) => vocabulary.ids.get(spelling),
    isControl: (id) => isControl(kinds[id]),
    controlSpellings: spellings.filter((_, id) => guarded[id]),
    notices: vocabulary.notices,
  };
  return tokenizer;
}

let greedy: typeof Greedy | undefined;

/** Loads what reads a vocabulary of a rare kind, before `createTokenizer` is called for it. */
export async function loadTokenizer(metadata: Metadata): Promise<void> {
  if (getString(metadata, 'tokenizer.ggml.model', '') === 'rwkv') greedy = await import('./greedy.ts');
}

interface Model {
  readonly vocabulary: Vocabulary;
  readonly encodeFragment: EncodeFragment;
  readonly pieceOf: (id: number) => Uint8Array;
}

const models: Record<string, (metadata: Metadata) => Model> = {
  /** Byte-pair encoding of bytes. */
  gpt2(metadata) {
    const name = getString(metadata, 'tokenizer.ggml.pre', 'default');
    const pre = preTokenizers.get(name);
    if (!pre)
      throw new UnsupportedModelError(
        `The pre-tokenizer (tokenizer.ggml.pre) "${name}" is not supported. Supported are ${[...preTokenizers.keys()].join(', ')}.`,
      );
    const vocabulary = readVocabulary(metadata, { bos: pre.noBos ? undefined : 11, eos: 11, addBos: pre.addBos, alwaysBos: pre === gemma4 });
    return { vocabulary, encodeFragment: createBpe(metadata, vocabulary, pre), pieceOf: pieces(vocabulary, pre.characters ? unescapeSpaces : spellingBytes) };
  },
  /** SentencePiece: Llama 2, Mistral, Phi-3, Gemma up to 3. */
  llama(metadata) {
    const vocabulary = readVocabulary(metadata, { bos: 1, eos: 2, unknown: 0, addBos: true, addSpacePrefix: true });
    return { vocabulary, encodeFragment: createSentencePiece(vocabulary), pieceOf: pieces(vocabulary, unescapeSpaces) };
  },
  /** Byte-pair encoding of characters. */
  gemma4(metadata) {
    const vocabulary = readVocabulary(metadata, { alwaysBos: true });
    return { vocabulary, encodeFragment: createBpe(metadata, vocabulary, gemma4), pieceOf: pieces(vocabulary, unescapeSpaces) };
  },
  /** The longest token of bytes: RWKV's World. */
  rwkv(metadata) {
    if (!greedy) throw new Error('The tokenizer "rwkv" was not loaded.');
    const vocabulary = readVocabulary(metadata, {});
    const isText = (id: number): boolean => !isControl(vocabulary.kinds[id]) && vocabulary.kinds[id] !== TokenKind.Unused;
    return { vocabulary, encodeFragment: greedy.createGreedy(vocabulary, isText), pieceOf: pieces(vocabulary, greedy.unescapeBytes) };
  },
};

function createModel(metadata: Metadata): Model {
  const name = getString(metadata, 'tokenizer.ggml.model');
  if (!Object.hasOwn(models, name))
    throw new UnsupportedModelError(`The tokenizer (tokenizer.ggml.model) "${name}" is not supported. Supported are ${Object.keys(models).join(', ')}.`);
  return models[name](metadata);
}

const unescapeSpaces = (spelling: string): Uint8Array => toUtf8(spelling.replaceAll('▁', ' '));

/** The bytes of each kind of token. Special ones are spelt plainly in every vocabulary; unused and unknown kinds are empty. */
function pieces({ spellings, kinds }: Vocabulary, normal: (spelling: string) => Uint8Array): (id: number) => Uint8Array {
  return (id) => {
    const spelling = spellings[id];
    switch (kinds[id]) {
      case TokenKind.Normal: return normal(spelling);
      case TokenKind.Byte: return Uint8Array.of(byteValue(spelling)!);
      case TokenKind.Control: case TokenKind.Unknown: case TokenKind.UserDefined: return toUtf8(spelling);
      default: return new Uint8Array(0);
    }
  };
}
