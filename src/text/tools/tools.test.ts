// Calls of every style: what random tokens that the grammar allows come to is read, in pieces of any length, as calls of the
// functions that there are, with arguments that pass their schemas.
import { Validator } from '@cfworker/json-schema';
import { beforeAll, describe, expect, it } from 'vitest';
import { readVocabularyFixture } from '../../../test/fixtures/text/read.ts';
import { isFull } from '../../../test/verified.ts';
import { RequestError } from '../../errors.ts';
import { type ConstraintSource, createConstraints } from '../grammar/constraint.ts';
import { readJsonSchema } from '../grammar/json-schema.ts';
import { type ChatTemplate } from '../template.ts';
import { type Tokenizer, createTokenizer } from '../tokenizer/tokenizer.ts';
import { type Thinking } from './answer-reader.ts';
import { objectOf } from './lfm2.ts';
import { type AnswerReader, type CallEvent, type Tool } from './style.ts';
import { plainReader, styleOf, styles, thinkingOf, toolGrammar, toolReader } from './tools.ts';

const weather: Tool = {
  name: 'get_weather',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', maxLength: 12 }, days: { type: 'integer', minimum: 1, maximum: 7 }, exact: { type: 'boolean' } },
    required: ['city'],
    additionalProperties: false,
  },
};
const add: Tool = {
  name: 'add',
  parameters: { type: 'object', properties: { numbers: { type: 'array', items: { type: 'number' }, minItems: 1, maxItems: 3 } }, required: ['numbers'] },
};
/** Tags hold texts as they are, of any length. */
const plainWeather: Tool = {
  name: weather.name,
  parameters: { ...(weather.parameters as object), properties: { city: { type: 'string' }, days: { type: 'integer' } } },
};
const noArguments: Tool = { name: 'now', parameters: undefined };

const templates: Record<string, string> = {
  harmony: '<|channel|>analysis to=functions.x {{ tools }}',
  'mistral-named': '[TOOL_CALLS]name[ARGS]{} {{ tools }}',
  mistral: '[TOOL_CALLS] [{"name": ...}] {{ tools }}',
  lfm2: '<|tool_call_start|> {{ tools }}',
  phi: '<|tool_call|>{"name": , "arguments": }<|/tool_call|> {{ tools }}',
  granite: '<|tool_call|> {{ tools }}',
  'gemma-4': '<|tool_call>call: {{ tools }}',
  'function-gemma': '<start_function_call>call: {{ tools }}',
  'qwen-coder': '<tool_call>\n<function=x> {{ tools }}',
  glm: '<tool_call>x\n<arg_key>a</arg_key>\n<arg_value> {{ tools }}',
  'glm-of-one-line': '<tool_call>x<arg_key>a</arg_key><arg_value> {{ tools }}',
  'command-r': '<|START_ACTION|> {{ tools }}',
  apertus: '<|tools_prefix|> {{ tools }}',
  nemotron: '<TOOLCALL>[] {{ tools }}',
  apriel: '<tool_calls>[] {{ tools }}',
  deepseek: '<｜tool▁calls▁begin｜>```json {{ tools }}',
  hermes: '<tool_call>{"name": , "arguments": } {{ tools }}',
  llama3: '{"name": , "parameters": } Environment: ipython {{ tools }}',
};
const templateOf = (source: string): ChatTemplate => ({ source, reads: (name: string) => new RegExp(`\\b${name}\\b`).test(source) }) as unknown as ChatTemplate;

interface Heard {
  text: string;
  reasoning: string;
  calls: { name: string; args: string }[];
}

/** What a reader makes of a text that comes in pieces of up to `most` characters. */
function hear(reader: AnswerReader, text: string, most: number): Heard {
  const heard: Heard = { text: '', reasoning: '', calls: [] };
  const add = (said: { text: string; reasoning: string; calls: readonly CallEvent[] }) => {
    heard.text += said.text;
    heard.reasoning += said.reasoning;
    for (const event of said.calls) {
      if ('name' in event) heard.calls.push({ name: event.name, args: '' });
      else heard.calls.at(-1)!.args += event.args;
    }
  };
  for (let at = 0, step = 1; at < text.length; at += step, step = (step % most) + 1) add(reader.push(text.slice(at, at + step)));
  add(reader.flush());
  return heard;
}

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = createTokenizer(await readVocabularyFixture('qwen2'));
});
const styleNamed = (name: string) => styles.find((style) => style.name === name)!;
const constraintsFor = (name: string, tools: Tool[], isRequired: boolean, parallel = true, thinking: Thinking = 'none') =>
  createConstraints(toolGrammar(styleNamed(name), { tools, isRequired, parallel }, tokenizer, thinking), {
    tokenizer, ends: tokenizer.endOfTurn, size: tokenizer.vocabSize,
  });

/** Tokens that the grammar allows, of which those that end something come first once there are enough. */
function make(source: ConstraintSource, seed: number): string {
  const constraint = source.begin();
  const ids: number[] = [];
  let state = seed;
  while (!constraint.isComplete && ids.length < 600) {
    const may: number[] = [];
    constraint.mask().forEach((word, i) => {
      for (let left = word; left; left &= left - 1) may.push(32 * i + 31 - Math.clz32(left & -left));
    });
    if (ids.length > 30 && constraint.mayEnd) break;
    // Where nearly all is allowed, a text of the model's own comes to its end by chance: by its tag.
    const endings = ['\n</parameter>\n', '</arg_value>', '</think>', '<|end|>', '"', 'word', '<|"|>', '<escape>'];
    const open = may.length > 20_000 ? tokenizer.encode(endings[(state >>> 8) % 8]) : [];
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const chosen = open.length ? open : [may[state % may.length]];
    for (const id of chosen) {
      if (tokenizer.endOfTurn.has(id)) return tokenizer.decode(ids);
      try {
        constraint.accept(id);
      } catch {
        break;
      }
      ids.push(id);
    }
  }
  return tokenizer.decode(ids);
}

describe.each(Object.keys(templates))('the style %s', (name) => {
  const isTags = ['qwen-coder', 'glm', 'glm-of-one-line', 'gemma-4', 'function-gemma'].includes(name);
  const tools = [isTags ? plainWeather : weather, add, noArguments];

  it('is known by its template', () => {
    expect(styleOf(templateOf(templates[name])).name).toBe(name);
  });

  it.each([['none'], ['may'], ['open']] as const)('calls that have to come are read with arguments that pass; reasoning: %s', (thinking) => {
    const style = styles.find((each) => each.name === name)!;
    if (style.whole && thinking !== 'none') return;
    const source = constraintsFor(name, tools, true, true, thinking);
    const isOne = name === 'llama3' || name === 'harmony';
    let several = 0;
    for (let seed = 1; seed <= 12 && (isFull || seed <= 6 || !(several || isOne)); seed++) {
      const text = make(source, seed * 7919);
      const heard = hear(toolReader(style, { tools }, thinking), text, 1 + (seed % 9));
      expect(heard.calls.length, text).toBeGreaterThan(0);
      if (heard.calls.length > 1) several++;
      for (const { name: called, args } of heard.calls) {
        const tool = tools.find((each) => each.name === called);
        expect(tool, text).toBeDefined();
        const { valid, errors } = new Validator((tool!.parameters ?? { type: 'object', maxProperties: 0 }) as object, '2020-12').validate(JSON.parse(args));
        expect(valid, `${text}\n${args}\n${JSON.stringify(errors)}`).toBe(true);
      }
      expect(heard.text.trim(), text).toBe('');
    }
    if (!isOne) expect(several).toBeGreaterThan(0);
  });

  it('is one call where there may be no others', () => {
    const style = styles.find((each) => each.name === name)!;
    const source = constraintsFor(name, tools, true, false);
    for (let seed = 1; seed <= 4; seed++) expect(hear(toolReader(style, { tools }, 'none'), make(source, seed), 5).calls.length).toBe(1);
  });
});

describe('an answer of a form that may call', () => {
  const form = readJsonSchema({ type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'], additionalProperties: false });
  const formed = (name: string, isRequired = false, thinking: Thinking = 'none') =>
    createConstraints(toolGrammar(styleNamed(name), { tools: [plainWeather, add], isRequired, parallel: true }, tokenizer, thinking, form), {
      tokenizer, ends: tokenizer.endOfTurn, size: tokenizer.vocabSize,
    });
  const say = (name: string, text: string, options: { isRequired?: boolean; thinking?: Thinking } = {}): Heard | undefined => {
    const constraint = formed(name, options.isRequired, options.thinking).begin();
    try {
      for (const id of tokenizer.encode(text)) constraint.accept(id);
    } catch {
      return undefined;
    }
    return constraint.mayEnd ? hear(toolReader(styleNamed(name), { tools: [plainWeather, add] }, options.thinking ?? 'none', true), text, 3) : undefined;
  };
  const call = '<tool_call>\n{"name": "add", "arguments": {"numbers": [1, 2]}}\n</tool_call>';

  it.each(Object.keys(templates).filter((name) => name !== 'llama3'))('is that or calls: %s', (name) => {
    const source = formed(name);
    let [calls, forms] = [0, 0];
    for (let seed = 1; seed <= 16 && (isFull || seed <= 6 || !calls || !forms); seed++) {
      const text = make(source, seed * 7919);
      const heard = hear(toolReader(styleNamed(name), { tools: [plainWeather, add] }, 'none', true), text, 1 + (seed % 9));
      if (heard.calls.length) {
        calls++;
        expect(heard.text.trim(), text).toBe('');
      } else {
        forms++;
        expect(Object.keys(JSON.parse(heard.text) as object), text).toEqual(['answer']);
      }
    }
    expect(calls).toBeGreaterThan(0);
    expect(forms).toBeGreaterThan(0);
  });

  it('is no other text, and no call where a text within it looks like one', () => {
    expect(say('hermes', '{"answer": "three"}')).toEqual({ text: '{"answer": "three"}', reasoning: '', calls: [] });
    expect(say('hermes', call)!.calls).toEqual([{ name: 'add', args: '{"numbers": [1, 2]}' }]);
    expect(say('hermes', 'Three.')).toBeUndefined();
    expect(say('hermes', `{"answer": "three"}${call}`)).toBeUndefined();
    expect(say('hermes', '{"answer": "three"}', { isRequired: true })).toBeUndefined();
    const likeCall = '{"answer": "a \\u003ctool_call>"}'.replace('\\u003c', '<');
    expect(hear(toolReader(styleNamed('hermes'), { tools: [add] }, 'none', true), likeCall, 2)).toEqual({ text: likeCall, reasoning: '', calls: [] });
    expect(say('hermes', '<think>Hm.</think>\n{"answer": ""}', { thinking: 'may' })).toEqual({ text: '{"answer": ""}', reasoning: 'Hm.', calls: [] });
  });

  it('cannot be told from a call of a style that is JSON from its first character on', () => {
    expect(() => formed('llama3')).toThrow('cannot be told from an answer of a form');
  });
});

describe('an answer that may call', () => {
  /** Whether a text can be said, and how it is heard. */
  function say(name: string, text: string, thinking: Thinking = 'none'): Heard | undefined {
    const constraint = constraintsFor(name, [weather, add], false, true, thinking).begin();
    try {
      for (const id of tokenizer.encode(text)) constraint.accept(id);
    } catch {
      return undefined;
    }
    return constraint.mayEnd ? hear(toolReader(styles.find((each) => each.name === name)!, { tools: [weather, add] }, thinking), text, 3) : undefined;
  }
  const call = '<tool_call>\n{"name": "add", "arguments": {"numbers": [1, 2]}}\n</tool_call>';
  const called = { name: 'add', args: '{"numbers": [1, 2]}' };

  it('says text, then calls, and both may be there', () => {
    expect(say('hermes', 'It is 3 < 4 <tool> <tool_cal')).toEqual({ text: 'It is 3 < 4 <tool> <tool_cal', reasoning: '', calls: [] });
    expect(say('hermes', `Let me see. \n${call}`)).toEqual({ text: 'Let me see.', reasoning: '', calls: [called] });
    expect(say('hermes', `${call}\n${call}`)!.calls).toEqual([called, called]);
    expect(say('llama3', ' No {"name": "add"}')).toMatchObject({ text: ' No {"name": "add"}', calls: [] });
    expect(say('llama3', '{"name": "add", "parameters": {"numbers": [1]}}')!.calls).toEqual([{ name: 'add', args: '{"numbers": [1]}' }]);
  });

  it('calls no function that there is not, and none with other arguments', () => {
    expect(say('hermes', call.replace('add', 'delete_all'))).toBeUndefined();
    expect(say('hermes', call.replace('[1, 2]', '"one"'))).toBeUndefined();
    expect(say('hermes', `${call} and more`)).toBeUndefined();
    expect(say('llama3', '{"name": "other", "parameters": {}}')).toBeUndefined();
    expect(say('llama3', '\n{"answer": 1}')).toBeUndefined(); // it would look like a call
  });

  it('are of an object, also where the schema does not say so', () => {
    const any = (parameters: unknown) => constraintsFor('hermes', [{ name: 'f', parameters }], true).begin();
    const says = (parameters: unknown, args: string): boolean => {
      const constraint = any(parameters);
      try {
        tokenizer.encode(`<tool_call>\n{"name": "f", "arguments": ${args}}\n</tool_call>`).forEach((id) => constraint.accept(id));
      } catch {
        return false;
      }
      return constraint.mayEnd;
    };
    for (const parameters of [{}, undefined, { description: 'anything' }])
      expect([says(parameters, '{}'), says(parameters, '5'), says(parameters, '[{}]')]).toEqual([true, false, false]);
    const referring = { $ref: '#/$defs/a', $defs: { a: { properties: { n: { type: 'integer' } }, required: ['n'] } } };
    expect([says(referring, '{"n": 5}'), says(referring, '{}'), says(referring, 'null')]).toEqual([true, false, false]);
    expect(() => any({ type: 'string' })).toThrow('The parameters of f are of the type "string"; they must be the schema of an object.');
    expect(() => any({ type: ['object', 'null'] })).toThrow(RequestError);
  });

  it('thinks before it, where marks of calls are only words', () => {
    const thought = `<think>\nPerhaps ${call}?\n</think>\n\n`;
    expect(say('hermes', `${thought}Three.`, 'may')).toEqual({ text: 'Three.', reasoning: `Perhaps ${call}?`, calls: [] });
    expect(say('hermes', thought + call, 'may')).toEqual({ text: '', reasoning: `Perhaps ${call}?`, calls: [called] });
    expect(say('hermes', `Hm.</think>${call}`, 'open')).toEqual({ text: '', reasoning: 'Hm.', calls: [called] });
  });

  it('hears channels', () => {
    const reasoned = '<|channel|>analysis<|message|>We add.<|end|><|start|>assistant';
    expect(say('harmony', `${reasoned}<|channel|>final<|message|>Three.`)).toEqual({ text: 'Three.', reasoning: 'We add.', calls: [] });
    const header = '<|channel|>commentary to=functions.add <|constrain|>json<|message|>';
    expect(say('harmony', `${reasoned}${header}{"numbers": [1, 2]}`)).toEqual({ text: '', reasoning: 'We add.', calls: [called] });
    expect(say('harmony', `${header}{"numbers": "many"}`)).toBeUndefined();
    expect(hear(plainReader(templateOf(templates.harmony), 'none'), 'No channels.', 3)).toEqual({ text: 'No channels.', reasoning: '', calls: [] });
    expect(hear(plainReader(templateOf(templates.harmony), 'none'), '<|channel|>ana', 3)).toEqual({ text: '', reasoning: '', calls: [] });
  });
});

describe('hostile calls', () => {
  it.each([
    ['marks within a text', '{"name": "f", "arguments": {"a": "</tool_call><tool_call>{\\"name\\": \\"g\\", \\"arguments\\": {}}"}}\n</tool_call>', ['f']],
    ['what is never ended', '{"name": "f", "arguments": {"a": [[[[1, {"b": "', ['f']],
    ['nesting', `{"name": "f", "arguments": {"a": ${'['.repeat(20_000)}${']'.repeat(20_000)}}}`, ['f']],
    ['escaped quotes', '{"name": "f", "arguments": {"a": "\\\\\\"}{"}}</tool_call><tool_call>{"name": "g", "arguments": {}}', ['f', 'g']],
    ['no name', '{"arguments": {}}', []],
    ['no JSON', '}}}{{{"name": f', []],
  ])('%s are read as what they are', (_, body, names) => {
    const style = styles.find(({ name }) => name === 'hermes')!;
    const { calls } = hear(toolReader(style, { tools: [] }, 'none'), `<tool_call>\n${body}`, 7);
    expect(calls.map(({ name }) => name)).toEqual(names);
    if (names.length && !body.endsWith('"')) expect(() => JSON.parse(calls[0].args)).not.toThrow();
  });

  it.each([
    ['qwen-coder', '\n<function=f>\n', (i: number) => `<parameter=a${i}>\n${i}\n</parameter>\n`, '</function>\n</tool_call>'],
    ['glm', 'f\n', (i: number) => `<arg_key>a${i}</arg_key>\n<arg_value>${i}</arg_value>\n`, '</tool_call>'],
  ])('of %s have one way to be read, however many arguments are there', (name, begin, argument, close) => {
    const reader = toolReader(styles.find((style) => style.name === name)!, { tools: [] }, 'none');
    const made = Array.from({ length: 40 }, (_, i) => argument(i)).join('');
    expect(reader.push(`<tool_call>${begin}${made}`).calls).toEqual([]); // nothing is whole yet
    const [called, { args }] = reader.push(close).calls as [CallEvent, { args: string }];
    expect(called).toEqual({ name: 'f' });
    expect(JSON.parse(args)).toEqual(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`a${i}`, i])));
  });

  it('of tags are no calls within the arguments of one', () => {
    const tool = { name: 'f', parameters: { properties: { a: { type: 'string' } } } };
    const reader = toolReader(styles.find(({ name }) => name === 'qwen-coder')!, { tools: [tool] }, 'none');
    const inner = '<function=g>\n</function>\n</tool_call>';
    expect(reader.push(`<tool_call>\n<function=f>\n<parameter=a>\n${inner}`).calls).toEqual([]);
    expect(reader.push('\n</parameter>\n</function>\n</tool_call>').calls).toEqual([{ name: 'f' }, { args: JSON.stringify({ a: inner }) }]);
  });

  it.each([
    ['glm', 'f\n', '<arg_key>a</arg_key>\n<arg_value>', '</arg_value>\n', '</tool_call>'],
    ['glm-of-one-line', 'f', '<arg_key>a</arg_key><arg_value>', '</arg_value>', '</tool_call>'],
  ])('of %s have their marks within the texts of JSON', (name, begin, open, close, end) => {
    const tool = { name: 'f', parameters: { properties: { a: { type: 'array', items: { type: 'string' } } } } };
    for (const inner of ['</arg_value>', '</arg_value><arg_key>x</arg_key><arg_value>1', '\\</arg_value>"</tool_call>']) {
      const args = JSON.stringify([inner, 'b']);
      const text = `<tool_call>${begin}${open}${args}${close}${end}\n<tool_call>${begin}${end}`;
      const { calls } = hear(toolReader(styleNamed(name), { tools: [tool] }, 'none'), text, 3);
      expect(calls).toEqual([{ name: 'f', args: `{"a":${args}}` }, { name: 'f', args: '{}' }]);
    }
  });

  it('of tags have truth values as Python writes them, as some templates do', () => {
    const tool = { name: 'f', parameters: { properties: { a: { type: 'boolean' }, b: { type: 'string' } } } };
    const reader = toolReader(styleNamed('qwen-coder'), { tools: [tool] }, 'none');
    const made = '<tool_call>\n<function=f>\n<parameter=a>\nTrue\n</parameter>\n<parameter=b>\nTrue\n</parameter>\n</function>\n</tool_call>';
    expect(reader.push(made).calls).toEqual([{ name: 'f' }, { args: '{"a":true,"b":"True"}' }]);
  });

  it('reads values as Python writes them', () => {
    expect(JSON.parse(objectOf("a='C:\\ d'"))).toEqual({ a: 'C:\\ d' });
    expect(JSON.parse(objectOf("a='it\\'s \"so\", b=None\\n', b=True"))).toEqual({ a: 'it\'s "so", b=None\n', b: true });
    expect(JSON.parse(objectOf('a="True, b=None (x)", b=True, c=[None, {"d": False}], größe=-1.5'))).toEqual({
      a: 'True, b=None (x)', b: true, c: [null, { d: false }], größe: -1.5,
    });
  });
});

describe('templates', () => {
  it('without tools, or with unknown ways to call them, are refused by name', () => {
    expect(() => styleOf(templateOf('{{ messages }}'))).toThrow('knows no tools');
    expect(() => styleOf(templateOf('{{ tools }} @call'))).toThrow('windrow does not know');
    expect(() => styleOf(templateOf('{{ messages }}'))).toThrow(RequestError);
  });

  it('say whether an answer begins with reasoning', () => {
    expect(thinkingOf({ source: '<think>' }, 'assistant\n')).toBe('may');
    expect(thinkingOf({ source: '<think>' }, 'assistant\n<think>\n')).toBe('open');
    expect(thinkingOf({ source: '<think>' }, '<think>\n\n</think>\n\n')).toBe('none');
    expect(thinkingOf({ source: 'x' }, 'assistant')).toBe('none');
    expect(hear(plainReader(templateOf('<think>'), 'may'), '<think>a</think>\n\nb <think>', 2)).toEqual({ text: 'b <think>', reasoning: 'a', calls: [] });
  });
});
