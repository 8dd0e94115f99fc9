// Templates in the manner of those that models come with: each is known, writes calls and results once each, and its calls are read as they were.
import fs from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readVocabularyFixture } from '../../../test/fixtures/text/read.ts';
import { type Metadata } from '../../gguf/header.ts';
import { type ChatTemplate, createTemplate } from '../template.ts';
import { type Tokenizer, createTokenizer } from '../tokenizer/tokenizer.ts';
import { createConstraints } from '../grammar/constraint.ts';
import { thoughtOf } from '../../thoughts.ts';
import { styleOf, thinkingOf, toolGrammar, toolReader } from './tools.ts';

const folder = new URL('../../../test/fixtures/tool-templates/', import.meta.url);
const source = (file: string): string => fs.readFileSync(new URL(`${file}.jinja`, folder), 'utf8');
const styleNames: Record<string, string> = { smollm3: 'hermes', 'lfm2.5': 'lfm2', 'gemma-4-roles': 'gemma-4' };
const files = fs.readdirSync(folder).filter((name) => name.endsWith('.jinja')).map((name) => name.slice(0, -6));

let metadata: Metadata;
let tokenizer: Tokenizer;
beforeAll(async () => {
  metadata = await readVocabularyFixture('qwen2');
  tokenizer = createTokenizer(metadata);
});
const templateOf = (text: string): ChatTemplate => createTemplate(new Map(metadata).set('tokenizer.chat_template', text), tokenizer);
const parameters = { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' }, exact: { type: 'boolean' } }, required: ['city'] };
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'Tells it.', parameters } }];
const args = { city: "Val-d'Or", days: 3, exact: true };
const plainArgs = { ...args, city: 'Paris' };
const question = { role: 'user', content: 'Weather?' };
const calling = (given: object) => ({
  role: 'assistant', tool_calls: [{ id: 'abcdefghi', type: 'function', function: { name: 'get_weather', arguments: given } }],
});
const result = { role: 'tool', tool_call_id: 'abcdefghi', content: '21 degrees' };
const count = (text: string, part: string): number => text.split(part).length - 1;

it('there is one for each style', () => {
  expect(new Set(files.map((file) => styleNames[file] ?? file)).size).toBe(12);
});

describe.each(files)('a template as that of %s', (file) => {
  const options = () => ({ tools, variables: file === 'smollm3' ? { xml_tools: tools.map((tool) => JSON.stringify(tool)) } : undefined });

  it('is known', () => expect(styleOf(templateOf(source(file))).name).toBe(styleNames[file] ?? file));

  it('has the call and its result once each, and the answer after them', () => {
    const template = templateOf(source(file));
    const [before, after] = [[], [{ role: 'assistant', content: 'It is warm.' }, { role: 'user', content: 'Thanks.' }]].map((more) =>
      template.render([question, calling(plainArgs), result, ...more], options()),
    );
    for (const text of [before, after]) expect([count(text, 'Paris'), count(text, '21 degrees')], text).toEqual([1, 1]);
    expect(count(after, 'It is warm.')).toBe(1);
    const order = ['Weather?', 'Paris', '21 degrees', 'It is warm.', 'Thanks.'].map((part) => after.indexOf(part));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('writes calls that are read as the same', () => {
    const template = templateOf(source(file));
    for (const given of file === 'lfm2.5' ? [plainArgs, { city: 'a "b"', days: 1 }] : [plainArgs, args, { city: 'a "b" \\ c' }]) {
      // Gemma's places for texts and tags take them as they are.
      const begun = template.render([question], { ...options(), addGenerationPrompt: true }).replace(/<\|channel>thought\n<channel\|>$/, '');
      const whole = template.render([question, calling(given)], { ...options(), addGenerationPrompt: false });
      expect(whole.startsWith(begun), whole).toBe(true);
      const reader = toolReader(styleOf(template), { tools: [{ name: 'get_weather', parameters }] }, thinkingOf(template, begun));
      const { calls } = reader.push(whole.slice(begun.length));
      expect(calls.flatMap((event) => ('name' in event ? [event.name] : [])), whole).toEqual(['get_weather']);
      expect(JSON.parse(calls.map((event) => ('args' in event ? event.args : '')).join('').replace(/<\|call\|>$/, '')), whole).toEqual(given);
    }
  });
});

describe('calls in earlier messages', () => {
  it('of templates that write none are in the content, with marks that are control tokens and texts that are none', () => {
    const marks = ['<|tool_call_start|>', '<|tool_call_end|>'];
    const tokens = [...(metadata.get('tokenizer.ggml.tokens') as string[])];
    const types = [...(metadata.get('tokenizer.ggml.token_type') as number[])];
    const ids = marks.map((mark, i) => {
      tokens[1000 + i] = mark;
      types[1000 + i] = 3;
      return 1000 + i;
    });
    const base = new Map(metadata).set('tokenizer.ggml.tokens', tokens).set('tokenizer.ggml.token_type', types).set('tokenizer.chat_template', source('lfm2'));
    const template = createTemplate(base, createTokenizer(base));
    const messages = [question, { ...calling({ city: 'a <|tool_call_end|> "b"', exact: false, days: null }), content: 'Let me see.' }, result];
    expect(template.render(messages, { tools })).toContain(
      'Let me see.<|tool_call_start|>[get_weather(city="a <|tool_call_end|> \\"b\\"", exact=False, days=None)]<|tool_call_end|><|im_end|>',
    );
    const encoded = template.encode(messages, { tools });
    expect(ids.map((id) => encoded.filter((each) => each === id).length)).toEqual([1, 1]);
  });

  it('are refused by a template that writes none in any way', () => {
    const template = templateOf('{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}');
    expect(template.render([question])).toBe('user: Weather?\n');
    expect(() => template.render([question, calling(args), result])).toThrow(expect.objectContaining({ code: 'unsupported_parameter' }));
  });

  it('of Gemma 4 are in one turn with their results and what was said after them; text before them is a turn of its own', () => {
    const template = templateOf(source('gemma-4'));
    const said = (content: string) => ({ role: 'assistant', content });
    const found = { ...result, content: '{"degrees": 21, "sky": "clear"}' };
    const text = template.render([question, { ...calling(plainArgs), content: 'Let me see.' }, found, said('Warm.'), question], { tools });
    expect(text).toContain(
      '<|turn>model\nLet me see.<turn|>\n<|turn>model\n<|tool_call>call:get_weather{city:<|"|>Paris<|"|>,days:3,exact:true}<tool_call|>' +
        '<|tool_response>response:get_weather{degrees:21,sky:<|"|>clear<|"|>}<tool_response|>Warm.<turn|>\n<|turn>user\n',
    );
    expect(template.render([question, calling(plainArgs), result], { tools })).toMatch(/<tool_response\|><\|channel>thought\n<channel\|>$/);
  });
});

it("Gemma 4's thoughts begin with a control token and a word, and a call comes after them", () => {
  const marks = ['<|channel>', '<channel|>', '<|tool_call>', '<tool_call|>', '<|"|>'];
  const tokens = [...(metadata.get('tokenizer.ggml.tokens') as string[])];
  const types = [...(metadata.get('tokenizer.ggml.token_type') as number[])];
  marks.forEach((mark, i) => ([tokens[1000 + i], types[1000 + i]] = [mark, 3]));
  const base = new Map(metadata).set('tokenizer.ggml.tokens', tokens).set('tokenizer.ggml.token_type', types).set('tokenizer.chat_template', source('gemma-4'));
  const own = createTokenizer(base);
  const template = createTemplate(base, own);
  const thought = thoughtOf(template.source);
  const asked = { tools: [{ name: 'get_weather', parameters }], isRequired: true, parallel: true };
  const thinkingWith = (on: boolean) => thinkingOf(template, template.render([question], { tools, variables: { enable_thinking: on } }));
  expect([thinkingWith(true), thinkingWith(false)]).toEqual(['may', 'none']);
  const grammar = toolGrammar(styleOf(template), asked, own, 'may', undefined, thought);
  const constraint = createConstraints(grammar, { tokenizer: own, ends: own.endOfTurn, size: own.vocabSize }).begin();
  const said = '<|channel>thought\nHm.<channel|><|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>';
  for (const id of own.encode(said, { parseSpecial: true })) constraint.accept(id);
  expect(constraint.mayEnd).toBe(true);
  expect(toolReader(styleOf(template), asked, 'may', false, thought).push(said)).toEqual({
    text: '', reasoning: 'Hm.', calls: [{ name: 'get_weather' }, { args: '{"city":"Paris"}' }],
  });
});
