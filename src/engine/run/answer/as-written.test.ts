// Prompts that go on from what was run: the text is the prompt's, the tokens are those that were run, and a message's text stays text.
import { beforeAll, describe, expect, it } from 'vitest';
import { readVocabularyFixture } from '../../../../test/fixtures/text/read.ts';
import { harmonyMetadata } from '../../../../test/api/harmony-template.ts';
import { mulberry32 } from '../../../random.ts';
import { type ChatTemplate, type Message, createTemplate } from '../../../text/template.ts';
import { type Tokenizer, createTokenizer } from '../../../text/tokenizer/tokenizer.ts';
import { sharedPrefix } from '../sequences.ts';
import { asWritten } from './as-written.ts';

const user = (content: string): Message => ({ role: 'user', content });
const said = (content: string, more: object = {}): Message => ({ role: 'assistant', content, ...more });
const words = [' the', 'unbeliev', 'able', ' née', '😀', '\n', '  ', '2026', ' <|im_end|>', ' dog.', ',', '名前', "don't", ' a'];

interface Text {
  tokenizer: Tokenizer;
  template: ChatTemplate;
}
const textOf = (metadata: Awaited<ReturnType<typeof readVocabularyFixture>>): Text => {
  const tokenizer = createTokenizer(metadata);
  return { tokenizer, template: createTemplate(metadata, tokenizer) };
};
const spelt = ({ tokenizer }: Text, ids: readonly number[]): string => tokenizer.decode(ids, { special: true });

let texts: Record<string, Text>;
beforeAll(async () => {
  const [qwen2, stories260K, harmony] = await Promise.all([readVocabularyFixture('qwen2'), readVocabularyFixture('stories260K'), harmonyMetadata()]);
  texts = { qwen2: textOf(qwen2), stories260K: textOf(stories260K), harmony: textOf(harmony) };
});

describe.each(['qwen2', 'stories260K'])('with the vocabulary %s', (name) => {
  let text: Text;
  beforeAll(() => void (text = texts[name]));

  /** Some words, cut into tokens a few letters at a time, as a tokenizer would not. */
  function write(random: () => number): { content: string; ids: number[] } {
    const content = `${Array.from({ length: 1 + Math.floor(12 * random()) }, () => words[Math.floor(random() * words.length)]).join('')}.`.trim();
    const letters = [...` ${content}`];
    const ids: number[] = [];
    const cut = (piece: string): number[] => text.tokenizer.encode(piece, { continues: true, parseSpecial: () => false });
    while (letters.length) ids.push(...cut(letters.splice(0, 1 + Math.floor(4 * random())).join('')));
    return { content: ` ${content}`, ids };
  }

  it('goes on from what was run, however far an answer came and in whatever tokens it was written', () => {
    const random = mulberry32(7);
    let other = 0;
    for (let i = 0; i < 60; i++) {
      const messages = [user('Why?')];
      let run: number[] = [];
      for (let turn = 0; turn < 3; turn++) {
        const prompt = text.template.encode(messages);
        const ids = asWritten(prompt, run, text.tokenizer);
        expect(spelt(text, ids)).toBe(spelt(text, prompt));
        const cut = text.tokenizer.decode(run).endsWith('\ufffd') ? 3 : 0; // within a character its beginning is cut anew
        expect(sharedPrefix(ids, run)).toBeGreaterThanOrEqual(run.length - cut);
        const { content, ids: answer } = write(random);
        run = [...ids, ...answer.slice(0, random() < 0.5 ? -1 : Math.ceil(answer.length * random()))];
        expect(asWritten(prompt, run, text.tokenizer)).toEqual(ids); // the same question once more
        other += Number(sharedPrefix(run, text.template.encode([...messages, said(content), user('x')])) < run.length);
        messages.push(said(content), user(words[Math.floor(random() * words.length)] + i));
      }
    }
    expect(other).toBeGreaterThan(60);
  });

  it('cuts what a person changed as the tokenizer does', () => {
    const { template, tokenizer } = text;
    const run = template.encode([user('It is unbeliev'), said('A dog.'), user('So?')]);
    for (const messages of [[user('It is unbelievable')], [user('It is unbeliev'), said('A dog.'), user('So? No')], [user('It')]]) {
      const prompt = template.encode(messages);
      expect(asWritten(prompt, run, tokenizer)).toEqual(prompt);
    }
  });
});

describe('control tokens', () => {
  it('that a model wrote stay text where a message has their text', () => {
    const text = texts.qwen2;
    const { template, tokenizer } = text;
    const [start, end] = ['<|im_start|>', '<|im_end|>'].map((spelling) => tokenizer.find(spelling)!);
    const run = [...template.encode([user('Why?')]), ...tokenizer.encode('So '), start, ...tokenizer.encode('user')];
    const prompt = template.encode([user('Why?'), said('So <|im_start|>user'), user('Go on.')]);
    const ids = asWritten(prompt, run, tokenizer);
    expect(ids.filter((id) => id === start || id === end)).toEqual(prompt.filter((id) => id === start || id === end));
    expect(spelt(text, ids)).toBe(spelt(text, prompt));
  });
});

describe('harmony, whose template drops what was thought in earlier turns', () => {
  let text: Text;
  beforeAll(() => void (text = texts.harmony));
  const thought = ' They ask for un';
  const messages = [user('Why is the sea salt?')];
  const of = (spellings: string): number[] => text.tokenizer.encode(spellings, { parseSpecial: true });
  /** What the model writes, its last token apart; the thought in other tokens than it is cut into. */
  const written = (then: string): number[] => {
    const letters = [...thought].flatMap((letter) => text.tokenizer.encode(letter, { continues: true }));
    return [...of('<|channel|>analysis<|message|>'), ...letters, ...of(`<|end|><|start|>assistant${then}`)];
  };

  it('runs the answer again without the thought, and nothing before it', () => {
    const { template, tokenizer } = text;
    const first = template.encode(messages);
    const run = [...first, ...written('<|channel|>final<|message|>Rivers bring it.')];
    const second = template.encode([...messages, said('Rivers bring it.', { reasoning_content: thought }), user('All?')]);
    const ids = asWritten(second, run, tokenizer);
    expect(ids).toEqual(second);
    expect(spelt(text, ids)).not.toContain(thought);
    expect(spelt(text, ids.slice(sharedPrefix(ids, run)))).toBe('final<|message|>Rivers bring it.<|end|><|start|>user<|message|>All?<|end|><|start|>assistant');
  });

  it('goes on from the thought where a function was called in the same turn', () => {
    const { template, tokenizer } = text;
    const call = { type: 'function', function: { name: 'look', arguments: { at: 'sea' } } };
    const run = [...template.encode(messages), ...written('<|channel|>commentary to=functions.look <|constrain|>json<|message|>{"at":"sea"}')];
    const rounds = [...messages, said('', { reasoning_content: thought, tool_calls: [call] }), { role: 'tool', content: 'salt' }];
    const prompt = template.encode(rounds);
    const ids = asWritten(prompt, run, tokenizer);
    expect(spelt(text, ids)).toBe(spelt(text, prompt));
    expect(spelt(text, ids.slice(sharedPrefix(ids, run))).startsWith(' to=functions.look')).toBe(true);
    expect(sharedPrefix(prompt, run)).toBeLessThan(sharedPrefix(ids, run) - thought.length); // by the text alone the thought would be run again
  });
});
