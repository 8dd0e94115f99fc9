// OpenAI's calls of functions, by the whole engine on Dawn: a model that knows nothing of them is held to them by the grammar of
// its template's style, whole and streamed, and goes on from their results.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatCompletions } from '../../../src/api/completions/chat-completions.ts';
import { type ChatCompletionChunk, type ChatMessageParam } from '../../../src/api/completions/chat.ts';
import { type ChatTool } from '../../../src/api/completions/tools.ts';
import { backendOf } from '../../../src/node/backend.ts';
import { type Engine } from '../../../src/engine/engine.ts';
import { createTemplate } from '../../../src/text/template.ts';
import { openEngine, quick, stories } from '../../engine.ts';
import { toolTemplate } from '../../api/tools-model.ts';

const tools: ChatTool[] = [
  {
    type: 'function',
    function: {
      name: 'light', description: 'Switches a light.',
      parameters: { type: 'object', properties: { room: { enum: ['kitchen', 'hall'] }, on: { type: 'boolean' } }, required: ['room', 'on'] },
    },
  },
  { type: 'function', function: { name: 'now' } },
];
const messages: ChatMessageParam[] = [{ role: 'user', content: 'Light!' }];

describe('calls of functions', () => {
  const engine: Engine = openEngine();
  const chat = chatCompletions(backendOf(engine));
  beforeAll(async () => {
    await engine.load(stories(), quick);
    const { text, opened } = engine.loaded();
    const metadata = new Map(opened.header.metadata).set('tokenizer.chat_template', toolTemplate);
    text!.template = createTemplate(metadata, text!.tokenizer);
  });
  afterAll(() => engine.unload());

  const params = {
    messages, tools, tool_choice: 'required' as const, temperature: 1, seed: 5, max_completion_tokens: 300, parallel_tool_calls: false,
  };

  it('come whole and in pieces alike, with arguments that pass, and the conversation goes on from their results', async () => {
    const whole = await chat.create(params);
    const [{ message, finish_reason }] = whole.choices;
    expect(finish_reason).toBe('tool_calls');
    expect(message.content).toBeNull();
    const chunks: ChatCompletionChunk[] = [];
    for await (const chunk of await chat.create({ ...params, stream: true })) chunks.push(chunk);
    const deltas = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));
    message.tool_calls!.forEach((call, index) => {
      const [first, ...rest] = deltas.filter((delta) => delta.index === index);
      expect(first).toMatchObject({ type: 'function', id: expect.any(String), function: { name: call.function.name } });
      expect([first, ...rest].map((delta) => delta.function.arguments).join('')).toBe(call.function.arguments);
      const args = JSON.parse(call.function.arguments);
      if (call.function.name === 'now') expect(args).toEqual({});
      else expect([args.room, args.on, Object.keys(args).length]).toEqual([expect.stringMatching(/^(?:kitchen|hall)$/), expect.any(Boolean), 2]);
    });
    expect(chunks.at(-1)!.choices[0].finish_reason).toBe('tool_calls');
    const results = message.tool_calls!.map(({ id }): ChatMessageParam => ({ role: 'tool', tool_call_id: id, content: 'done' }));
    const again = await chat.create({ messages: [...messages, message, ...results], tools, max_completion_tokens: 8 });
    expect(again.usage.prompt_tokens).toBeGreaterThan(whole.usage.prompt_tokens);
  });

  it('is the one that is named, once; none where none is to be called', async () => {
    const named = await chat.create({ ...params, tool_choice: { type: 'function', function: { name: 'now' } } });
    expect(named.choices[0].message.tool_calls!.map(({ function: called }) => called)).toEqual([{ name: 'now', arguments: '{}' }]);
    const none = await chat.create({ ...params, tool_choice: 'none', max_completion_tokens: 10 });
    expect(none.choices[0].message.tool_calls).toBeUndefined();
    const auto = await chat.create({ ...params, tool_choice: 'auto', max_completion_tokens: 10 });
    expect([auto.choices[0].finish_reason, typeof auto.choices[0].message.content]).toEqual(['length', 'string']);
  });

  it('are there or an answer of the form that is asked for, whichever the model begins', async () => {
    const schema = { type: 'object', properties: { rooms: { type: 'integer', minimum: 0, maximum: 9 } }, required: ['rooms'], additionalProperties: false };
    const format = { type: 'json_schema' as const, json_schema: { name: 'rooms', schema } };
    for (let seed = 1; seed <= 3; seed++) {
      const { choices: [{ message }] } = await chat.create({ ...params, seed, tool_choice: 'auto', response_format: format });
      if (message.tool_calls) expect(message.content).toBeNull();
      else expect(JSON.parse(message.content!)).toEqual({ rooms: expect.any(Number) });
    }
    const required = await chat.create({ ...params, response_format: format });
    expect(required.choices[0].finish_reason).toBe('tool_calls');
    await expect(chat.create({ ...params, grammar: 'root ::= "yes"' })).rejects.toMatchObject({ code: 'unsupported_parameter' });
  });

  it('is refused with the name of what cannot be held, or of a template without tools', async () => {
    const wrong = [{ type: 'function' as const, function: { name: 'f', parameters: { type: 'object', properties: { a: { not: {} } } } } }];
    await expect(chat.create({ ...params, tools: wrong })).rejects.toMatchObject({ code: 'unsupported_schema' });
    const { text, opened } = engine.loaded();
    text!.template = createTemplate(opened.header.metadata, text!.tokenizer);
    await expect(chat.create(params)).rejects.toMatchObject({ code: 'unsupported_parameter', message: expect.stringContaining('knows no tools') });
  });
});
