import { beforeAll, describe, expect, it } from 'vitest';
import { randomStrings } from '../../../test/fixtures/text/cases.mjs';
import { readVocabularyFixture } from '../../../test/fixtures/text/read.ts';
import { createStreamDecoder } from './stream-decoder.ts';
import { createTokenizer, type Tokenizer } from './tokenizer.ts';

describe.each(['gpt-2', 'llama-spm'])('streaming decode with %s', (name) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = createTokenizer(await readVocabularyFixture(name));
  });

  it('gives the text of decode, never half a character', () => {
    for (const text of randomStrings(300, 7)) {
      const ids = tokenizer.encode(text);
      const decoder = createStreamDecoder(tokenizer);
      const parts = ids.map((id) => decoder.push(id));
      expect(parts.join('') + decoder.flush()).toBe(tokenizer.decode(ids));
      // Whatever text has no U+FFFD of its own must not get one on the way.
      if (!text.includes('\ufffd')) expect(parts.join('')).not.toContain('\ufffd');
      for (const part of parts) expect(part).toBe(part.replace(/\p{Cs}/gu, ''));
    }
  });

  it('holds back the bytes of a character until the last one', () => {
    const ids = tokenizer.encode('𐌰'); // in no vocabulary: four bytes
    const bytes = ids.filter((id) => tokenizer.piece(id)[0] !== 0x20);
    expect(bytes.length).toBeGreaterThan(1);
    const decoder = createStreamDecoder(tokenizer);
    expect(bytes.slice(0, -1).map((id) => decoder.push(id)).join('')).toBe('');
    expect(decoder.push(bytes.at(-1)!)).toBe('𐌰');
    expect(decoder.flush()).toBe('');
  });

  it('turns half a character at the end, or before another one, into U+FFFD', () => {
    const bytes = tokenizer.encode('𐌰').filter((id) => tokenizer.piece(id)[0] !== 0x20);
    const decoder = createStreamDecoder(tokenizer);
    decoder.push(bytes[0]);
    expect(decoder.flush()).toBe('\ufffd');
    decoder.push(bytes[0]);
    const letter = tokenizer.find('a')!;
    expect(decoder.push(letter)).toBe('\ufffda');
  });

  it('shows no control tokens unless asked', () => {
    const eos = tokenizer.eos!;
    expect(createStreamDecoder(tokenizer).push(eos)).toBe('');
    expect(createStreamDecoder(tokenizer, { special: true }).push(eos)).toBe(tokenizer.spelling(eos));
  });
});

describe('the space before a text', () => {
  it('is kept when an answer continues a prompt, dropped once for a whole text', async () => {
    const tokenizer = createTokenizer(await readVocabularyFixture('llama-spm'));
    const ids = tokenizer.encode('Hello  you', { addSpecial: true });
    const run = (wholeText: boolean) => {
      const decoder = createStreamDecoder(tokenizer, { wholeText });
      return ids.map((id) => decoder.push(id)).join('') + decoder.flush();
    };
    expect(run(false)).toBe(' Hello  you');
    expect(run(true)).toBe('Hello  you');
  });
});
