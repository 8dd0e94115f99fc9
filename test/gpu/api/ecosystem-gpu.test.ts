// The AI SDK's provider and the Prompt API's `LanguageModel` over a real model on Dawn: they say what chats say, and keep to schemas.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateObject, jsonSchema, streamText } from 'ai';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { continueText } from '../../../examples/node.ts';
import { askManual } from '../../../examples/sessions.ts';
import { createWindrow } from '../../../src/ai-sdk/ai-sdk.ts';
import { type Engine } from '../../../src/api/engine.ts';
import { type ChatMessageParam } from '../../../src/api/completions/chat.ts';
import { toMessages } from '../../../src/api/completions/messages.ts';
import { openKeptFiles } from '../../../src/engine/sessions/in-files.ts';
import { surfaceOf } from '../../../src/node/backend.ts';
import { languageModelFrom } from '../../../src/prompt-api/prompt-api.ts';
import { adapterFile } from '../../dawn.ts';
import { golden, openEngine, quick, stories } from '../../engine.ts';
import { fixture } from '../../models/fixture.ts';
import { temporaryFolder } from '../../folder.ts';

const user = (content: string) => ({ role: 'user' as const, content });
const schema = { type: 'object', properties: { age: { type: 'integer', minimum: 0, maximum: 99 } }, required: ['age'], additionalProperties: false };

describe.skipIf(!adapterFile)('windrow behind other interfaces', () => {
  const folder = temporaryFolder('ecosystem');
  const inner = adapterFile ? openEngine({ keptStates: async () => openKeptFiles(folder) }) : undefined!;
  let engine: Engine;
  const count = (...messages: ChatMessageParam[]): number => inner.loaded().session.encode({ messages: toMessages(messages) }).length;
  beforeAll(async () => {
    await inner.load(stories(), quick);
    const countTokens: Engine['countTokens'] = async (messages) => count(...messages);
    engine = { ...surfaceOf(inner), info: inner.loaded().info, countTokens } as unknown as Engine;
  });


  it("Node's example goes on with the golden text", async () => {
    vi.stubEnv('XDG_CACHE_HOME', folder); // what is measured is kept there
    const path = join(folder, 'stories.gguf');
    writeFileSync(path, fixture('stories260K/stories260K.gguf'));
    const text = await continueText(path, golden.prompt, 24, quick);
    vi.unstubAllEnvs();
    expect(text.length).toBeGreaterThan(20);
    expect(golden.text.startsWith(text.trimStart())).toBe(true);
  });

  it("the example of sessions: a copy and what was kept say the same, which is the chat's", async () => {
    const [first, ...others] = await askManual(engine, 'Press.');
    const ask = async (...messages: ChatMessageParam[]) =>
      (await engine.chat.completions.create({ messages: [{ role: 'system', content: 'Press.' }, ...messages], max_tokens: 100 })).choices[0].message.content!;
    const question = user('How do I start it?');
    expect(first).toBe(await ask(question));
    const next = await ask(question, { role: 'assistant', content: first }, user('And how do I stop it?'));
    expect(others).toEqual([next, next]);
  });

  it('the AI SDK streams what a chat says, and gets objects of a schema', async () => {
    const windrow = createWindrow(engine);
    const { textStream, usage } = streamText({ model: windrow(), prompt: 'Of a dog.', maxOutputTokens: 12 });
    let text = '';
    for await (const piece of textStream) text += piece;
    const { choices: [{ message }], usage: counted } = await engine.chat.completions.create({ messages: [user('Of a dog.')], max_tokens: 12 });
    expect(text.length).toBeGreaterThan(10);
    expect(text).toBe(message.content);
    expect(await usage).toMatchObject({ inputTokens: counted.prompt_tokens, outputTokens: counted.completion_tokens });
    const aged = jsonSchema<{ age: number }>(schema as Parameters<typeof jsonSchema>[0]);
    const { object } = await generateObject({ model: windrow(), schema: aged, prompt: 'How old?' });
    expect(object.age >= 0 && object.age <= 99 && Number.isInteger(object.age)).toBe(true);
  });

  it('a session of the Prompt API says what chats say, keeps to a constraint and counts its tokens', async () => {
    const LanguageModel = languageModelFrom(engine);
    const session = await LanguageModel.create({ samplingMode: 'most-predictable' });
    const constraint = { responseConstraint: /[a-z]{8}/, omitResponseConstraintInput: true };
    const first = await session.prompt('Of a dog.', constraint);
    expect(first).toMatch(/^[a-z]{8}$/);
    expect(session.contextUsage).toBe(count(user('Of a dog.'), { role: 'assistant', content: first }));
    const clone = await session.clone();
    let streamed = '';
    for await (const piece of session.promptStreaming('And a cat.', { responseConstraint: schema, omitResponseConstraintInput: true })) streamed += piece;
    expect(Object.keys(JSON.parse(streamed) as object)).toEqual(['age']);
    const text = await clone.prompt('And then?', { responseConstraint: /[a-z ]{30}/, omitResponseConstraintInput: true });
    const messages = [user('Of a dog.'), { role: 'assistant' as const, content: first }, user('And then?')];
    const { choices: [{ message }] } = await engine.chat.completions.create({ messages, grammar: { regex: '[a-z ]{30}' } });
    expect(text).toBe(message.content);
  });

  it('a prefix is gone on from as the text is that it makes of the prompt', async () => {
    const session = await languageModelFrom(engine).create({ samplingMode: 'most-predictable' });
    const long = { responseConstraint: /[A-Za-z ,.]{20}/, omitResponseConstraintInput: true };
    const text = await session.prompt([user('Of a dog.'), { role: 'assistant', content: 'Once upon a', prefix: true }], long);
    const prompt = inner.loaded().text!.template.render(toMessages([user('Of a dog.')]));
    const { choices: [choice] } = await engine.completions.create({ prompt: `${prompt}Once upon a`, grammar: { regex: '[A-Za-z ,.]{20}' } });
    expect(text).toBe(choice.text);
  });
});
