import { describe, expect, it } from 'vitest';
import { type Metadata } from '../../gguf/header.ts';
import { checkVocabulary } from './found-draft.ts';

const of = (...tokens: string[]): Metadata => new Map([['tokenizer.ggml.tokens', tokens]]);
const filled = (count: number) => of('a', 'b', ...Array.from({ length: count }, (_, i) => `[PAD${i}]`));

describe('the vocabulary of a draft model', () => {
  it('has the tokens of the model, and may be filled up to another length', () => {
    expect(() => checkVocabulary(of('a', 'b', 'c'), of('a', 'b', 'c'), 'small')).not.toThrow();
    expect(() => checkVocabulary(filled(10), filled(138), 'small')).not.toThrow();
    expect(() => checkVocabulary(filled(138), filled(10), 'small')).not.toThrow();
  });

  it('is refused by its first token that is another one, by its length, and where there is none', () => {
    expect(() => checkVocabulary(of('a', 'b', 'c'), of('a', 'x', 'y'), 'small')).toThrow(
      'The draft model small has "x" as token 1; the model has "b", and both need the same vocabulary. Choose a smaller model of the same family, or leave ' +
        'it out.',
    );
    expect(() => checkVocabulary(filled(10), filled(139), 'small')).toThrow("has a vocabulary of 141 tokens; the model's has 12, and both need the same one");
    expect(() => checkVocabulary(of('a'), new Map(), 'small')).toThrow('cannot be compared with the model: it has no vocabulary');
    expect(() => checkVocabulary(new Map(), of('a'), 'small')).toThrow('the model has no vocabulary');
  });
});
