import { expect, test } from 'vitest';
import { type Metadata } from '../gguf/header.ts';
import { createTemplate, type ChatTemplate } from './template.ts';
import { endOfPrompt, thinkingSwitch } from './thinking.ts';
import { createTokenizer } from './tokenizer/tokenizer.ts';

const tokens = ['<unk>', '<s>', '</s>', ...Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)];
const kinds = [2, 3, 3, ...Array.from({ length: 256 }, () => 6)];
function templateOf(source: string): ChatTemplate {
  const metadata: Metadata = new Map<string, string | string[] | number[]>([
    ['tokenizer.ggml.model', 'llama'],
    ['tokenizer.ggml.tokens', tokens],
    ['tokenizer.ggml.token_type', kinds],
    ['tokenizer.ggml.scores', tokens.map(() => 0)],
    ['tokenizer.chat_template', source],
  ]) as Metadata;
  return createTemplate(metadata, createTokenizer(metadata));
}
const turns = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>';

test.each([
  [
    'thinks unless told not to',
    `${turns}{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}`,
    { variable: 'enable_thinking', unasked: true, on: /<assistant>$/, off: /<\/think>\n\n$/ },
  ],
  [
    'thinks when told to',
    `${turns}{% if enable_thinking is defined and enable_thinking is true %}<think>\n{% else %}<think>\n\n</think>\n\n{% endif %}`,
    { variable: 'enable_thinking', unasked: false, on: /<think>\n$/, off: /<\/think>\n\n$/ },
  ],
  [
    'is told by another name',
    `{% if thinking %}Think first.{% endif %}${turns}`,
    { variable: 'thinking', unasked: false, on: /<assistant>$/, off: /<assistant>$/ },
  ],
])('a model that %s', (_, source, { variable, unasked, on, off }) => {
  const found = thinkingSwitch(templateOf(source));
  expect(found).toEqual({ variable, unasked, promptEnd: { on: expect.stringMatching(on), off: expect.stringMatching(off) } });
});

test.each([
  ['no word of it', turns],
  ['the word alone', `Try thinking. ${turns}`],
  ['a variable that changes nothing', `{% set ignored = enable_thinking %}${turns}`],
  ['no plain question', "{{ raise_exception('No.') if not enable_thinking }}"],
])('%s is no switch', (_, source) => expect(thinkingSwitch(templateOf(source))).toBeUndefined());

test('an answer begins where the template ends', () => {
  expect(endOfPrompt(templateOf(`${turns}<think>{{ '\\n' }}`))).toMatch(/<assistant><think>\n$/);
  expect(endOfPrompt(templateOf("{{ raise_exception('No.') }}"))).toBeUndefined();
});
