import { fromUtf8 } from '../../gguf/utf8.ts';
import { describe, expect, it } from 'vitest';
import { InvalidFileError, UnsupportedModelError } from '../../errors.ts';
import { type Metadata, type MetadataValue } from '../../gguf/header.ts';
import { createTokenizer } from './tokenizer.ts';
import { timed } from '../../../test/timed.ts';

const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);

/** A SentencePiece vocabulary: three special tokens, bytes, then these spellings (with types, if not normal). */
function vocabulary(spellings: Record<string, number>, more: Record<string, MetadataValue> = {}): Metadata {
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...Object.keys(spellings)];
  return new Map<string, MetadataValue>(Object.entries({
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.scores': Float32Array.from(tokens, (_, id) => -id),
    'tokenizer.ggml.token_type': Int32Array.from([2, 3, 3, ...bytes.map(() => 6), ...Object.values(spellings)]),
    ...more,
  }));
}
/** A byte-level one of these tokens. */
const byteLevel = (tokens: string[], merges: string[], more: Record<string, MetadataValue> = {}): Metadata =>
  new Map<string, MetadataValue>(
    Object.entries({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.merges': merges,
      ...more,
    }),
  );

describe('a vocabulary', () => {
  it.each<[string, Metadata, typeof InvalidFileError | typeof UnsupportedModelError, RegExp]>([
    [
      'of an unknown tokenizer',
      vocabulary({}, { 'tokenizer.ggml.model': 't5' }),
      UnsupportedModelError,
      /"t5" is not supported. Supported are gpt2, llama, gemma4/,
    ],
    ['named like a method of all objects', vocabulary({}, { 'tokenizer.ggml.model': 'toString' }), UnsupportedModelError, /"toString"/],
    [
      'with an unknown pre-tokenizer',
      byteLevel(['a'], [], { 'tokenizer.ggml.pre': 'superbpe' }),
      UnsupportedModelError,
      /"superbpe" is not supported. Supported are default, gpt-2, .*tekken/,
    ],
    ['without a tokenizer', new Map(), InvalidFileError, /tokenizer.ggml.model/],
    ['without tokens', new Map([['tokenizer.ggml.model', 'llama']]), InvalidFileError, /tokenizer.ggml.tokens/],
    ['with an empty list of tokens', byteLevel([], []), InvalidFileError, /is empty/],
    ['without merges', new Map([...byteLevel(['a'], [])].filter(([key]) => !key.endsWith('merges'))), InvalidFileError, /tokenizer.ggml.merges/],
    ['with a merge of one part', byteLevel(['a', 'b'], ['a b', 'ab']), InvalidFileError, /Entry 1 of tokenizer.ggml.merges is "ab"/],
    ['with a merge of nothing', byteLevel(['a', 'b'], ['a ']), InvalidFileError, /Entry 0/],
    [
      'with too few scores',
      vocabulary({}, { 'tokenizer.ggml.scores': new Float32Array(3) }),
      InvalidFileError,
      /scores has 3 entries, tokenizer.ggml.tokens has 259/,
    ],
    ['with too many types', vocabulary({}, { 'tokenizer.ggml.token_type': new Int32Array(260) }), InvalidFileError, /token_type has 260 entries/],
    ['with a spelling twice', byteLevel(['a', 'b', 'a'], []), InvalidFileError, /Tokens 0 and 2 are both spelt "a"/],
    ['with a byte token that names no byte', vocabulary({ '<0xZZ>': 6 }), InvalidFileError, /Token 259 is of the byte type/],
    ['that wants a BOS it does not have', byteLevel(['a'], [], { 'tokenizer.ggml.add_bos_token': true }), InvalidFileError, /bos_token_id does not say/],
    ['with tokens that are no strings', vocabulary({}, { 'tokenizer.ggml.tokens': new Int32Array(5) }), InvalidFileError, /tokenizer.ggml.tokens/],
  ])('%s is refused', (_, metadata, Class, message) => {
    expect(() => createTokenizer(metadata)).toThrow(Class);
    expect(() => createTokenizer(metadata)).toThrow(message);
  });

  it('whose special ids do not exist has the usual ones, and says so unless they mean none', () => {
    const far = createTokenizer(vocabulary({}, { 'tokenizer.ggml.eos_token_id': 32000 }));
    expect([far.eos, far.vocabSize]).toEqual([2, 259]);
    expect(far.notices).toEqual([
      "The file's tokenizer.ggml.eos_token_id is 32000, but its vocabulary has 259 tokens (0 to 258): token 2 is used, which is usual.",
    ]);
    const none = createTokenizer(
      vocabulary({}, { 'tokenizer.ggml.unknown_token_id': 2 ** 32 - 1, 'tokenizer.ggml.bos_token_id': -1, 'tokenizer.ggml.eot_token_id': 2 ** 32 - 1 }),
    );
    expect([none.bos, none.unknown, none.notices]).toEqual([1, 0, []]);
  });

  it('of tokens that are no UTF-8 has them with their bytes', () => {
    const pieces = [[0xe2, 0x96], [0x81], [0xff], [0x61, 0xf0, 0x9f]].map((bytes) => Uint8Array.from(bytes));
    const tokenizer = createTokenizer(vocabulary(Object.fromEntries(pieces.map((piece) => [fromUtf8(piece), 1]))));
    expect(pieces.map((_, i) => [...tokenizer.piece(259 + i)])).toEqual(pieces.map((piece) => [...piece]));
    expect(tokenizer.decode([259, 260])).toBe('\u2581'); // put together they are a character
    expect(tokenizer.encode('\ufffd')).not.toContain(261);
  });

  it('may make text by merges that no token spells; it falls back to its letters', () => {
    const tokenizer = createTokenizer(byteLevel(['a', 'b', 'c', 'abc'], ['a b', 'ab c']));
    expect(tokenizer.encode('abc')).toEqual([3]);
    expect(tokenizer.encode('abab')).toEqual([0, 1, 0, 1]);
  });

  it('ranks a pair by its first merge, and merges the leftmost of equals', () => {
    const tokenizer = createTokenizer(byteLevel(['a', 'aa', 'aaa'], ['a a', 'aa a', 'a a']));
    expect(tokenizer.encode('aaaaa')).toEqual([1, 2]);
  });

  it('gives texts of unknown and empty tokens as llama.cpp does', () => {
    const tokenizer = createTokenizer(vocabulary({ '': 1, '▁x': 1, y: 5, '<tool>': 4, z: 256 + 3 }));
    expect(tokenizer.spelling(259)).toBe('[EMPTY_259]');
    expect(tokenizer.decode([260, 261, 262, 263, 0, 2])).toBe(' x<tool>');
    expect(tokenizer.decode([0, 263, 2], { special: true })).toBe('<unk></s>');
    expect(() => tokenizer.piece(264)).toThrow(RangeError);
  });
});

describe('special tokens', () => {
  it('are cut out longest first, not leftmost first', () => {
    const tokenizer = createTokenizer(vocabulary({ 'abcd': 4, 'xab': 4, x: 1 }, { 'tokenizer.ggml.add_space_prefix': false }));
    expect(tokenizer.encode('xabcd')).toEqual([261, 259]);
    expect(tokenizer.encode('xabxabcdxab')).toEqual([260, 261, 259, 260]);
  });

  it('are found next to each other, overlapping, and at the ends', () => {
    const tokenizer = createTokenizer(vocabulary({ aa: 4, a: 1 }, { 'tokenizer.ggml.add_space_prefix': false }));
    expect(tokenizer.encode('aaaaa')).toEqual([259, 259, 260]);
  });

  it('that are control tokens are text unless asked for; a filter decides on each', () => {
    const tokenizer = createTokenizer(vocabulary({ '<c>': 3, '<': 1, c: 1, '>': 1 }, { 'tokenizer.ggml.add_space_prefix': false }));
    expect(tokenizer.encode('<c><c>')).toEqual([260, 261, 262, 260, 261, 262]);
    expect(tokenizer.encode('<c><c>', { parseSpecial: true })).toEqual([259, 259]);
    expect(tokenizer.encode('<c><c>', { parseSpecial: (start, end) => start === 3 && end === 6 })).toEqual([260, 261, 262, 259]);
  });

  it('cost no more than the text is long, however many there are', () => {
    const runs = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [i < 31 ? '\n'.repeat(i + 1) : `<unused${i}>`, 4]));
    const tokenizer = createTokenizer(vocabulary(runs));
    timed('2000 special tokens in long texts', 2, () => {
      expect(tokenizer.encode('\n'.repeat(500_000)).length).toBe(Math.ceil(500_000 / 31));
      expect(tokenizer.encode('<unused'.repeat(50_000)).length).toBeGreaterThan(100_000);
    });
  });
});

describe('end of turn', () => {
  const ends = (spellings: Record<string, number>, more: Record<string, MetadataValue> = {}): string[] => {
    const tokenizer = createTokenizer(vocabulary(spellings, more));
    return [...tokenizer.endOfTurn].map((id) => tokenizer.spelling(id)).sort();
  };

  it('comes from the ids of the file and from known spellings, whose type it corrects', () => {
    expect(
      ends({ '<|im_end|>': 1, '<end>': 3, '<|fim_pad|>': 3, '<pause>': 3 }, { 'tokenizer.ggml.eot_token_id': 260, 'tokenizer.ggml.eom_token_id': 262 }),
    ).toEqual(['</s>', '<end>', '<pause>', '<|fim_pad|>', '<|im_end|>']);
    expect(createTokenizer(vocabulary({ '<|im_end|>': 1 })).isControl(259)).toBe(true);
  });

  it('is not what only closes a part of the answer: <|end|> of gpt-oss', () => {
    expect(ends({ '<|end|>': 3, '<|return|>': 3, '<|call|>': 3 })).toEqual(['</s>', '<|call|>', '<|return|>']);
    expect(ends({ '<|end|>': 3 })).toEqual(['</s>', '<|end|>']);
  });

  it('is not </s> in Gemma 4, where it is an HTML tag', () => {
    expect(ends({ '<turn|>': 3, '<|tool_response>': 3 }, { 'tokenizer.ggml.eos_token_id': 259 })).toEqual(['<turn|>', '<|tool_response>']);
  });
});
