// What answers of a form come to, over a vocabulary of bytes with marks of reasoning that are control tokens.
import { describe, expect, it } from 'vitest';
import { type GenerateRequest } from '../../../protocol.ts';
import { type Text } from '../../load/opened.ts';
import { formOf } from './constrained.ts';
import { createOutput } from './output.ts';

const eot = 0;
const control = new Map([['<think>', 256], ['</think>', 257]]);
const harmony = '<|channel|>analysis to=functions.x {{ tools }}';
const prompt = { messages: [{ role: 'user' as const, content: 'hi' }] };

const textOf = (source: string, rendered = ''): Text => {
  const spelling = (id: number) => [...control].find(([, each]) => each === id)?.[0] ?? '';
  const tokenizer = {
    vocabSize: 258,
    addSpacePrefix: false,
    endOfTurn: new Set([eot]),
    find: (mark: string) => control.get(mark),
    isControl: (id: number) => id > 255 || id === eot,
    piece: (id: number, { special = false } = {}) => (id < 256 ? Uint8Array.of(id) : new TextEncoder().encode(special ? spelling(id) : '')),
    spelling, encode: (given: string) => [...new TextEncoder().encode(given)],
  };
  const template = { source, endOfTurn: new Set([eot]), stop: [], render: () => rendered, reads: (name: string) => source.includes(name) };
  return { tokenizer, template } as unknown as Text;
};

/** An answer in tokens, as a request has it read; undefined where its form does not allow it. */
function hear(source: string, request: Omit<GenerateRequest, 'prompt'> & Partial<GenerateRequest>, says: string, rendered?: string) {
  const text = textOf(source, rendered);
  const asked = { prompt, ...request };
  const form = formOf(asked, text, 258);
  const heard = { text: '', reasoning: '', calls: '' };
  const output = createOutput(asked, text, (_tokens, shown, said) => {
    heard.text += shown;
    heard.reasoning += said?.reasoning ?? '';
    heard.calls += said?.calls?.map(({ name = '', arguments: args = '' }) => name + args).join('') ?? '';
  }, form);
  const ids = says.split(/(<\/?think>)/).flatMap((part) => control.get(part) ?? [...new TextEncoder().encode(part)]);
  for (const id of ids) {
    const { constraint } = form;
    if (constraint && !((constraint.mask()[id >> 5] >>> (id & 31)) & 1)) return undefined;
    output.push({ id });
  }
  if (form.constraint && !form.constraint.mayEnd) return undefined;
  output.flush();
  return heard;
}

describe('marks of reasoning that are control tokens', () => {
  it('are seen by what takes an answer apart', () => {
    expect(hear('<think>', { reasoningApart: true }, '<think>Hm.</think>Yes.')).toEqual({ text: 'Yes.', reasoning: 'Hm.', calls: '' });
    const tools = { tools: [{ name: 'f' }], required: false, parallel: true };
    const call = '<tool_call>{"name": "f", "arguments": {}}</tool_call>';
    expect(hear('<think> <tool_call>{"name": , "arguments": } {{ tools }}', { tools }, `<think>Hm.</think>${call}`)).toEqual({
      text: '', reasoning: 'Hm.', calls: 'f{}',
    });
  });

  it.each([
    ['[THINK]', '[/THINK]'], ['<seed:think>', '</seed:think>'], ['<thought>', '</thought>'], ['◁think▷', '◁/think▷'],
    ['<|begin_of_thought|>', '<|end_of_thought|>'], ['<|channel>thought', '<channel|>'], ['Here is my thought process:', 'Here is my response:'],
  ])('are those of the template: %s', (begin, end) => {
    const said = { text: 'Yes.', reasoning: 'Hm.', calls: '' };
    expect(hear(begin, { reasoningApart: true }, `${begin}\nHm.${end}\nYes.`)).toEqual(said);
    const isTags = !begin.startsWith('Here');
    if (isTags) expect(hear(begin, {}, `Hm.${end}Yes.`, `assistant: ${begin}\n`)).toEqual(said);
    expect(hear(begin, { reasoningApart: true }, 'Yes.', `assistant: ${begin}\n${end}`)).toEqual({ ...said, reasoning: '' });
    const tools = { tools: [{ name: 'f' }], required: false, parallel: true };
    const called = `${begin}Hm.${end}<tool_call>{"name": "f", "arguments": {}}</tool_call>`;
    expect(hear(`${begin} <tool_call>{"name": , "arguments": } {{ tools }}`, { tools }, called)).toEqual({ text: '', reasoning: 'Hm.', calls: 'f{}' });
  });

  it('are not shown where nothing asks for it', () => {
    expect(hear('<think>', { grammar: { regex: 'yes' } }, 'yes')).toEqual({ text: 'yes', reasoning: '', calls: '' });
  });
});

describe('an answer that the prompt has begun', () => {
  const begun = { prompt: { messages: [...prompt.messages, { role: 'assistant' as const, content: 'Well <think>', prefix: true as const }] } };
  it('is no reasoning, however the template leaves it and whatever it says', () => {
    for (const rendered of ['Well: ', '<think>\n', '<think>\n\n</think>\n\nWell: ', 'Well <think>']) {
      const plain = { text: 'So </think>it is.', reasoning: '', calls: '' };
      expect(hear('<think>', { ...begun, reasoningApart: true }, 'So </think>it is.', rendered), rendered).toEqual(plain);
      expect(hear('<think>', { ...begun, grammar: { regex: 'yes' } }, 'yes', rendered)).toEqual({ text: 'yes', reasoning: '', calls: '' });
      expect(hear('<think>', { ...begun, grammar: { regex: 'yes' } }, '<think>Hm.</think>yes', rendered)).toBeUndefined();
    }
  });
});

describe('answers of a form in channels', () => {
  const grammar = { json: true as const };
  it('are those of the final one, perhaps after reasoning', () => {
    const final = '<|channel|>final<|message|>{"a": 1}';
    const thought = '<|channel|>analysis<|message|>One.<|end|><|start|>assistant';
    for (const more of [{}, { reasoningApart: true }]) {
      expect(hear(harmony, { grammar, ...more }, final)).toEqual({ text: '{"a": 1}', reasoning: '', calls: '' });
      expect(hear(harmony, { grammar, ...more }, thought + final)).toEqual({ text: '{"a": 1}', reasoning: 'One.', calls: '' });
    }
    const wrong = ['{"a": 1}', '<|channel|>final<|message|>Yes.', '<|channel|>analysis<|message|>{}'];
    for (const says of wrong) expect(hear(harmony, { grammar }, says)).toBeUndefined();
  });

  it('are as they are after a prompt without messages', () => {
    expect(hear(harmony, { grammar, prompt: { text: 'JSON:' } }, '{"a": 1}')).toEqual({ text: '{"a": 1}', reasoning: '', calls: '' });
  });
});
