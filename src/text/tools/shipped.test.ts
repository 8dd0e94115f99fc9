// Chat templates as models come with them: each is known, what it writes as a call is what its grammar allows and is read as the same, and
// a conversation with calls, results and reasoning is written whole. The fixtures' README names models and licences.
import fs from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readVocabularyFixture } from '../../../test/fixtures/text/read.ts';
import { type Metadata } from '../../gguf/header.ts';
import { openedBy, thoughtOf } from '../../thoughts.ts';
import { createConstraints } from '../grammar/constraint.ts';
import { type ChatTemplate, createTemplate } from '../template.ts';
import { thinkingSwitch } from '../thinking.ts';
import { type Tokenizer, createTokenizer } from '../tokenizer/tokenizer.ts';
import { type AnswerReader } from './style.ts';
import { plainReader, styleOf, thinkingOf, toolGrammar, toolReader } from './tools.ts';

const folder = new URL('../../../test/fixtures/jinja/shipped/', import.meta.url);
/** The style of each; undefined where the template takes no tools. */
const styleNames: Record<string, string | undefined> = {
  apertus: 'apertus', 'apriel-1.6': 'apriel', 'deepseek-r1-distill-qwen': undefined, 'deepseek-v3.1': undefined, 'gemma-4': 'gemma-4',
  'glm-4.6': 'glm', 'glm-4.7-flash': 'glm-of-one-line', 'gpt-oss': 'harmony', 'granite-3.3': 'granite', 'granite-4': 'hermes',
  'ministral-3': 'mistral-named', 'mistral-nemo': 'mistral', 'mistral-small-3.2': 'mistral-named', 'phi-3.5': undefined,
  'qwen2.5': 'hermes', qwen3: 'hermes', 'qwen3-coder': 'qwen-coder', 'qwen3.5': 'qwen-coder', smollm3: undefined,
};
const withTools = Object.keys(styleNames).filter((file) => styleNames[file]);

let metadata: Metadata;
let tokenizer: Tokenizer;
beforeAll(async () => {
  metadata = await readVocabularyFixture('qwen2');
  tokenizer = createTokenizer(metadata);
});
const templateOf = (file: string): ChatTemplate =>
  createTemplate(new Map(metadata).set('tokenizer.chat_template', fs.readFileSync(new URL(`${file}.jinja`, folder), 'utf8')), tokenizer);

const parameters = { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' }, exact: { type: 'boolean' } }, required: ['city'] };
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'Tells it.', parameters } }];
const asked = { tools: [{ name: 'get_weather', parameters }], isRequired: true, parallel: true };
const question = { role: 'user', content: 'Weather?' };
const calling = (given: object, more: object = {}) => ({
  role: 'assistant', content: '', tool_calls: [{ id: 'abcdefghi', type: 'function', function: { name: 'get_weather', arguments: given } }], ...more,
});
const result = { role: 'tool', tool_call_id: 'abcdefghi', content: '21 degrees' };
const count = (text: string, part: string): number => text.split(part).length - 1;
/** What a template writes of an assistant that has thought nothing, or that its prompt has begun to think. */
const begun = /<think>\s*(?:<\/think>\s*)?$|<\|channel>thought\n<channel\|>$|Here are my reasoning steps:\n$/;
const ended = /(?:\s*<\/?think>)+\s*/y;

/** A call as the template writes it, from where an answer begins, without reasoning; and what ends the turn behind it. */
function written(template: ChatTemplate, given: object): string {
  const prompt = template.render([question], { tools, addGenerationPrompt: true });
  const whole = template.render([question, calling(given)], { tools, addGenerationPrompt: false });
  const start = prompt.replace(begun, '');
  expect(whole.startsWith(start), whole).toBe(true);
  ended.lastIndex = start.length;
  return whole.slice(start.length + (ended.exec(whole)?.[0].length ?? 0));
}

function hear(reader: AnswerReader, text: string): { text: string; reasoning: string; calls: { name: string; args: string }[] } {
  const heard = { text: '', reasoning: '', calls: [] as { name: string; args: string }[] };
  for (let at = 0, step = 1; at <= text.length; at += step, step = (step % 7) + 1) {
    const said = at + step > text.length ? [reader.push(text.slice(at)), reader.flush()] : [reader.push(text.slice(at, at + step))];
    for (const { text: more, reasoning, calls } of said) {
      heard.text += more;
      heard.reasoning += reasoning;
      for (const event of calls) {
        if ('name' in event) heard.calls.push({ name: event.name, args: '' });
        else heard.calls.at(-1)!.args += event.args;
      }
    }
  }
  return heard;
}

it('has a style, or none, for each that is there', () => {
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.jinja')).map((name) => name.slice(0, -6));
  expect(files.sort()).toEqual(Object.keys(styleNames).sort());
});

it.each(Object.keys(styleNames).filter((file) => !styleNames[file]))('%s takes no tools, and says so', (file) => {
  expect(() => styleOf(templateOf(file))).toThrow('knows no tools');
});

describe.each(withTools)('the template of %s', (file) => {
  it('is known', () => expect(styleOf(templateOf(file)).name).toBe(styleNames[file]));

  it('writes calls that are read as the same', () => {
    const template = templateOf(file);
    for (const given of [{ city: 'Paris', days: 3, exact: true }, { city: "Val-d'Or", days: 1 }, { city: 'a "b" \\ c' }]) {
      const text = written(template, given);
      const { calls, text: rest } = hear(toolReader(styleOf(template), asked, 'none'), text);
      expect(calls.map(({ name }) => name), text).toEqual(['get_weather']);
      expect(JSON.parse(calls[0].args.replace(/<\|call\|>$/, '')), text).toEqual(given);
      expect(rest.trim()).toBe('');
    }
  });

  it('writes them as the grammar of its style has them', () => {
    const template = templateOf(file);
    const { constraint, text } = { constraint: constraintOf(template), text: written(template, { city: 'Paris', days: 3 }) };
    let taken = 0;
    // Character by character, as the marks are no tokens of this vocabulary.
    const takes = (character: string): boolean => {
      try {
        tokenizer.encode(character).forEach((id) => constraint.accept(id));
        return true;
      } catch {
        return false;
      }
    };
    let whole = 0;
    while (taken < text.length && takes(text[taken])) {
      taken++;
      if (constraint.mayEnd) whole = taken;
    }
    expect(text.slice(whole).trim(), `${text} as far as ${text.slice(0, taken)}`).toMatch(/^(?:<[^<>]*>\s*)*$/); // the end of the turn
  });

  it('has the call and its result once each, and the answer after them', () => {
    const messages = [question, calling({ city: 'Ulm', days: 3 }), result, { role: 'assistant', content: 'It is warm.' }, { role: 'user', content: 'Thanks.' }];
    const text = templateOf(file).render(messages, { tools });
    const parts = ['Weather?', 'Ulm', '21 degrees', 'It is warm.', 'Thanks.'];
    expect(parts.map((part) => count(text, part)), text).toEqual(parts.map(() => 1));
    expect(parts.map((part) => text.indexOf(part))).toEqual(parts.map((part) => text.indexOf(part)).sort((a, b) => a - b));
  });

  const constraintOf = (template: ChatTemplate) => {
    const source = { tokenizer, ends: tokenizer.endOfTurn, size: tokenizer.vocabSize };
    return createConstraints(toolGrammar(styleOf(template), asked, tokenizer, 'none'), source).begin();
  };
});

describe('reasoning', () => {
  /** Whether an answer begins with it unasked, where it is switched on, and where it is switched off. */
  it.each([
    ['apriel-1.6', 'open', undefined], ['deepseek-r1-distill-qwen', 'none', ['open', 'none']], ['deepseek-v3.1', 'none', ['open', 'none']],
    ['gemma-4', 'none', ['may', 'none']], ['glm-4.6', 'may', ['may', 'none']], ['glm-4.7-flash', 'open', ['open', 'none']],
    ['granite-3.3', 'may', ['may', 'may']], ['qwen3', 'may', ['may', 'none']], ['qwen3.5', 'open', ['open', 'none']], ['smollm3', 'may', ['may', 'none']],
    ['ministral-3', 'may', undefined], ['apertus', 'may', ['may', 'may']], ['qwen2.5', 'none', undefined],
  ] as const)('of %s begins an answer: %s', (file, unasked, switched) => {
    const template = templateOf(file);
    expect(thinkingOf(template, template.render([question]))).toBe(unasked);
    const found = thinkingSwitch(template);
    expect(found && [thinkingOf(template, found.promptEnd.on), thinkingOf(template, found.promptEnd.off)]).toEqual(switched);
  });

  it.each(withTools.filter((file) => file !== 'gpt-oss'))('of %s is told from a call behind it, and from an answer', (file) => {
    const template = templateOf(file);
    const prompt = template.render([question], { tools, variables: { enable_thinking: true, thinking: true } });
    const thinking = thinkingOf(template, prompt);
    if (thinking === 'none') return expect(openedBy(prompt)).toBeUndefined();
    const thought = thoughtOf(template.source, prompt);
    const text = `${thinking === 'open' ? '' : `${thought.begin[0]}\n`}Hm-m.\n${thought.end[0]}\n`;
    const heard = hear(toolReader(styleOf(template), asked, thinking, false, thought), text + written(template, { city: 'Ulm' }));
    expect([heard.reasoning.trim(), heard.text, heard.calls[0]?.name]).toEqual(['Hm-m.', '', 'get_weather']);
    expect(hear(plainReader(template, thinking, thought), `${text}Warm.`)).toMatchObject({ reasoning: 'Hm-m.', text: 'Warm.' });
  });

  it('of earlier turns is where the template puts it, between a call and its result', () => {
    const marks = { qwen3: '<think>', 'qwen3.5': '<think>', 'glm-4.6': '<think>', 'gpt-oss': '<|channel|>analysis<|message|>', 'gemma-4': 'thought' };
    for (const [file, mark] of Object.entries(marks)) {
      const text = templateOf(file).render([question, calling({ city: 'Ulm' }, { reasoning_content: 'Hm-m.' }), result], { tools });
      expect(text).toMatch(/Hm-m\.[^]*Ulm[^]*21 degrees/);
      expect(text.slice(0, text.indexOf('Hm-m.')).trimEnd()).toContain(mark);
    }
  });

  it("of Granite 3.3 is followed by an answer between tags, which are no part of it", () => {
    const template = templateOf('granite-3.3');
    const said = (text: string, thinking: 'may' | 'none' = 'may') => hear(plainReader(template, thinking), text);
    expect(said('<think>Hm.</think>\n<response>It is 3 < 4.\n</response>')).toEqual({ reasoning: 'Hm.', text: 'It is 3 < 4.', calls: [] });
    expect(said('<think></think><response>Warm.</response>')).toMatchObject({ text: 'Warm.' });
    expect(said('<response><a/></response>')).toMatchObject({ text: '<response><a/></response>' }); // asked for XML
    expect(said('<think>Hm.</think><response>A `<r></response>`\nends it.\n</response>\n')).toMatchObject({ text: 'A `<r></response>`\nends it.' });
    expect(said('<resp')).toMatchObject({ text: '<resp' });
    expect(said('Warm </response>')).toMatchObject({ text: 'Warm </response>' });
    const mayCall = toolReader(styleOf(template), asked, 'may', false, thoughtOf(template.source));
    expect(hear(mayCall, '<think>Hm.</think><response>Warm.</response>')).toMatchObject({ text: 'Warm.', calls: [] });
  });

  it('of Apriel leaves no mark behind the answer', () => {
    const template = templateOf('apriel-1.6');
    const reader = () => plainReader(template, 'open', thoughtOf(template.source, template.render([question])));
    expect(hear(reader(), 'Hm.\n[BEGIN FINAL RESPONSE]\nWarm.\n[END FINAL RESPONSE]\n')).toMatchObject({ reasoning: 'Hm.', text: 'Warm.' });
    expect(hear(reader(), 'Hm.\n[BEGIN FINAL RESPONSE]\nWarm.')).toMatchObject({ reasoning: 'Hm.', text: 'Warm.' });
  });

  it('of Apertus may have calls in it, and has no other end then', () => {
    const template = templateOf('apertus');
    const style = styleOf(template);
    const thought = thoughtOf(template.source);
    const text = '<|inner_prefix|>I look it up.<|tools_prefix|>[{"get_weather": {"city": "Ulm"}}]<|tools_suffix|>';
    const heard = hear(toolReader(style, asked, 'may', false, thought), text);
    expect(heard).toEqual({ reasoning: 'I look it up.', text: '', calls: [{ name: 'get_weather', args: '{"city": "Ulm"}' }] });
    const source = { tokenizer, ends: tokenizer.endOfTurn, size: tokenizer.vocabSize };
    const constraint = createConstraints(toolGrammar(style, asked, tokenizer, 'may', undefined, thought), source).begin();
    for (const character of text) {
      expect(constraint.mayEnd).toBe(false);
      tokenizer.encode(character).forEach((id) => constraint.accept(id));
    }
    expect(constraint.mayEnd).toBe(true);
  });
});
