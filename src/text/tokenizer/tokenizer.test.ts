import fs from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { aliases, randomStrings, variants } from '../../../test/fixtures/text/cases.mjs';
import { readVocabularyFixture } from '../../../test/fixtures/text/read.ts';
import { type Metadata, type MetadataValue } from '../../gguf/header.ts';
import { preTokenizers } from './pre-tokenizers.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';
import { timed } from '../../../test/timed.ts';
import { record } from '../../../test/verified.ts';

const folder = new URL('../../../test/fixtures/text/', import.meta.url);
const json = (name: string) => JSON.parse(fs.readFileSync(new URL(name, folder), 'utf8'));
const texts: string[] = randomStrings(2000);

describe.each(['gpt-2', 'llama-bpe', 'llama-spm', 'qwen2'])('the vocabulary %s', (base) => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await readVocabularyFixture(base);
  });

  it("gives llama.cpp's ids for its test strings", () => {
    const tokenizer = createTokenizer(metadata);
    const inputs = fs.readFileSync(new URL(`${base}.inp`, folder), 'utf8').split('\n__ggml_vocab_test__\n');
    const outputs = fs.readFileSync(new URL(`${base}.out`, folder), 'utf8').split('\n');
    expect(inputs.length).toBe(47);
    expect(inputs.map((text) => tokenizer.encode(text).join(' '))).toEqual(outputs.slice(0, 47).map((line) => line.trim()));
  });

  // One row of ids per text, variant and way to take control tokens, in this order: see the script that makes them.
  it("gives llama.cpp's ids for 2000 random strings, whatever the pre-tokenizer and special tokens", () => {
    const bytes = brotliDecompressSync(fs.readFileSync(new URL(`${base}.ids.br`, folder)));
    const numbers = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const tokenizers = variants
      .filter((variant) => variant.base === base)
      .map(({ name, change }) => ({ name, tokenizer: createTokenizer(changed(metadata, change)) }));
    const wrong: string[] = [];
    let at = 0;
    for (const text of texts) {
      for (const parseSpecial of [false, true]) {
        for (const { name, tokenizer } of tokenizers) {
          const expected = numbers.subarray(at + 1, at + 1 + numbers[at]).join(' ');
          at += 1 + numbers[at];
          const ids = tokenizer.encode(text, { parseSpecial }).join(' ');
          if (ids !== expected) wrong.push(`${name}, parseSpecial ${parseSpecial}, ${JSON.stringify(text)}: ${ids}, not ${expected}`);
        }
      }
    }
    expect(at).toBe(numbers.length);
    expect(wrong.slice(0, 5), `${wrong.length} wrong`).toEqual([]);
    record({
      point: `Vocabulary ${base}: random strings with llama.cpp's ids, in ${tokenizers.length} variants, control tokens off and on`,
      command: 'npx vitest run src/text',
      value: texts.length,
    });
  });
});

/** Random strings and words up to a length, of characters that every vocabulary can spell. */
function mixedText(length: number): string {
  let text = '';
  for (let seed = 100; text.length < length; seed++)
    text += `${randomStrings(20, seed).join(' ')}\nThe quick brown fox ${seed} jumps over the lazy dog, and "doesn't" stop.\n`;
  return text.replace(/[\0-\x08\x0e-\x1f\ufeff]|[\u{20000}-\u{10ffff}]|▁/gu, '').slice(0, length).replace(/\p{Cs}/gu, '');
}

/** A copy of the metadata with a change. */
function changed(metadata: Metadata, change: (metadata: Map<string, unknown>) => void): Metadata {
  const copy = new Map<string, unknown>(metadata);
  change(copy);
  return copy as Map<string, MetadataValue>;
}

describe('pre-tokenizers', () => {
  it('are each compared with llama.cpp, or known to be an alias of one that is', () => {
    const compared = variants.map(({ name }) => name.split(' as ')[1]).filter(Boolean);
    const known = new Set([...compared, ...Object.values(aliases).flatMap((names) => names.split(' ')), 'gemma4']);
    expect([...preTokenizers.keys()].filter((name) => !known.has(name))).toEqual([]);
    for (const [name, others] of Object.entries(aliases)) {
      for (const other of others.split(' ')) expect(preTokenizers.get(other)?.patterns, other).toEqual(preTokenizers.get(name)?.patterns);
    }
  });
});

describe('end of turn', () => {
  const facts = json('end-of-turn.json');
  it.each(variants.filter(({ name }, i) => i % 5 === 0 || !name.includes(' as ')))('of $name is what llama.cpp collects', async ({ name, base, change }) => {
    const { endOfTurn } = createTokenizer(changed(await readVocabularyFixture(base), change));
    expect([...endOfTurn].sort((a, b) => a - b)).toEqual(facts[name].endOfTurn);
  });
});

describe.each(['smollm2', 'stories260K'])('the tokenizer of %s', (name) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = createTokenizer(await readVocabularyFixture(name));
  });

  it("gives llama.cpp's ids, with and without special tokens, and the text back", () => {
    for (const expected of json(name === 'smollm2' ? 'smollm2-tokenizer.json' : '../stories260K/tokenizer.json')) {
      const { text } = expected;
      expect(tokenizer.encode(text), text).toEqual(expected.ids);
      expect(tokenizer.encode(text, { parseSpecial: true }), text).toEqual(expected.ids_parse_special);
      if (expected.ids_add_special) expect(tokenizer.encode(text, { addSpecial: true }), text).toEqual(expected.ids_add_special);
      expect(tokenizer.decode(expected.ids, { special: true })).toBe(expected.detokenized);
    }
  });

  it.each([
    ['text', mixedText(1_000_000)],
    ['one word of 100,000 letters', 'abcdefgh'.repeat(12_500)],
    ['one word of 100,000 different letters', Array.from({ length: 100_000 }, (_, i) => String.fromCharCode(97 + ((i * i * 7919) % 26))).join('')],
    ['100,000 spaces', ' '.repeat(100_000)],
    ['a word of a million characters', 'aé漢z'.repeat(250_000)],
  ])('encodes %s in no long time and loses nothing', (_, text) => {
    const ids = timed(`tokenising ${text.length} characters`, 2, () => tokenizer.encode(text));
    expect(tokenizer.decode(ids).slice(tokenizer.addSpacePrefix ? 1 : 0)).toBe(text);
  });
});
