// Calls whose members are no JSON: names and listed texts that would be read as others are refused, and the rest is read as it is.
import { beforeAll, describe, expect, it } from 'vitest';
import { readVocabularyFixture } from '../../../test/fixtures/text/read.ts';
import { type Tokenizer, createTokenizer } from '../tokenizer/tokenizer.ts';
import { styles, toolGrammar, toolReader } from './tools.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = createTokenizer(await readVocabularyFixture('qwen2'));
});
const styleNamed = (name: string) => styles.find((style) => style.name === name)!;
const ofProperties = (properties: Record<string, unknown>) => ({ name: 'f', parameters: { type: 'object', properties } });
const grammarOf = (style: string, properties: Record<string, unknown>) =>
  toolGrammar(styleNamed(style), { tools: [ofProperties(properties)], isRequired: true, parallel: true }, tokenizer, 'none');

describe('names of members', () => {
  it.each([
    ['lfm2', ['my key', 'a=b', 'a,b', 'a(b', 'a[0]', 'a"b', 'None', 'is.True', "it's", '']],
    ['gemma-4', ['my key', 'a:b', 'a,b', 'a{b', 'a}b', 'a<|"|>b', '']],
    ['function-gemma', ['my key', 'a:b', 'a<escape>b', '']],
    ['qwen-coder', ['a>b', 'a\nb', '']],
    ['glm', ['a<b', 'a</arg_key>', 'a\nb', '']],
  ])('that %s would read as others are refused by name', (style, names) => {
    for (const name of names)
      expect(() => grammarOf(style, { city: { type: 'integer' }, [name]: { type: 'integer' } }), name).toThrow(
        expect.objectContaining({ code: 'unsupported_schema', message: expect.stringContaining(JSON.stringify(name)) as string }),
      );
  });

  it.each([
    ['lfm2', ['city', 'größe', 'user-id', '$top', 'a.b', 'Nonesuch'], (name: string) => `<|tool_call_start|>[f(${name}=5)]`],
    ['gemma-4', ['city', 'größe', 'user-id', '$top', 'a.b'], (name: string) => `<|tool_call>call:f{${name}:5}<tool_call|>`],
    ['function-gemma', ['city', '$top'], (name: string) => `<start_function_call>call:f{${name}:5}<end_function_call>`],
    ['qwen-coder', ['city', 'my key', 'a=b'], (name: string) => `<tool_call>\n<function=f>\n<parameter=${name}>\n5\n</parameter>\n</function>\n</tool_call>`],
    ['glm', ['city', 'my key', 'a>b'], (name: string) => `<tool_call>f\n<arg_key>${name}</arg_key>\n<arg_value>5</arg_value>\n</tool_call>`],
  ])('that %s reads are taken', (style, names, written) => {
    for (const name of names) {
      expect(() => grammarOf(style, { [name]: { type: 'integer' } }), name).not.toThrow();
      const { calls } = toolReader(styleNamed(style), { tools: [ofProperties({ [name]: { type: 'integer' } })] }, 'none').push(written(name));
      expect(calls, name).toHaveLength(2);
      expect(JSON.parse((calls[1] as { args: string }).args), name).toEqual({ [name]: 5 });
    }
  });
});

it.each([
  ['gemma-4', 'a<|"|>b'],
  ['function-gemma', 'a<escape>'],
  ['qwen-coder', 'a\n</parameter>\nb'],
  ['glm', 'a</arg_value>\nb'],
])('a listed text of %s with what ends a text in it is refused by name', (style, listed) => {
  expect(() => grammarOf(style, { a: { type: 'string', enum: ['x', listed] } })).toThrow(
    expect.objectContaining({ code: 'unsupported_schema', message: expect.stringContaining(JSON.stringify(listed)) as string }),
  );
});

it.each([
  ['glm', (name: string) => `<tool_call>${name}\n</tool_call>\n<tool_call>${name}\n</tool_call>`],
  ['qwen-coder', (name: string) => `<tool_call>\n<function=${name}>\n</function>\n</tool_call>\n<tool_call>\n<function=${name}>\n</function>\n</tool_call>`],
  ['lfm2', (name: string) => `<|tool_call_start|>[${name}(), ${name}()]<|tool_call_end|>`],
  ['gemma-4', (name: string) => `<|tool_call>call:${name}{}<tool_call|><|tool_call>call:${name}{}<tool_call|>`],
  ['mistral-named', (name: string) => `[TOOL_CALLS]${name}[ARGS]{}[TOOL_CALLS]${name}[ARGS]{}`],
])('%s: names of functions begin and end with whatever they may', (style, written) => {
  for (const name of ['-f', '_f', '--f-', '0f', 'f_']) {
    const { calls } = toolReader(styleNamed(style), { tools: [{ name, parameters: undefined }] }, 'none').push(written(name));
    expect(calls, name).toEqual([{ name }, { args: '{}' }, { name }, { args: '{}' }]);
  }
});
