// The provider with the AI SDK itself (`ai` 7) over scripted answers, and by its own interface where the SDK does not show it.
import { embed, embedMany, generateObject, generateText, jsonSchema, stepCountIs, streamObject, streamText, tool, type ModelMessage } from 'ai';
import { type LanguageModelV4CallOptions, type LanguageModelV4StreamPart } from '@ai-sdk/provider';
import { expect, test } from 'vitest';
import { DeviceError } from '../errors.ts';
import { type GenerateRequest, type ModelInfo } from '../protocol.ts';
import { embedStats, generateStats } from '../../test/doubles/fake-worker.ts';
import { fakeBackend, fakeSurface, type Script } from '../../test/doubles/fake-engine.ts';
import { createWindrow } from './ai-sdk.ts';

function providerOf(script: Script | ((request: GenerateRequest) => Script) = {}, info: Partial<ModelInfo> = {}) {
  const backend = fakeBackend(typeof script === 'function' ? script : () => script, info);
  return { backend, windrow: createWindrow(fakeSurface(backend) as unknown as Parameters<typeof createWindrow>[0]) };
}
const messagesOf = ({ prompt }: GenerateRequest) => (prompt as { messages: { role: string; content: string }[] }).messages;
const options: LanguageModelV4CallOptions = { prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }] };
const reasoned: Script = { says: [{ reasoning: 'It' }, { reasoning: ' is big.' }, 'The', ' sea'] };
const weather = { description: 'Weather of a city', inputSchema: jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } } }) };
const called: Script = {
  says: [
    'Let me see.',
    { calls: [{ index: 0, id: 'call_a', name: 'weather', arguments: '' }] },
    { calls: [{ index: 0, arguments: '{"city":' }] },
    { calls: [{ index: 0, arguments: '"Oslo"}' }, { index: 1, id: 'call_b', name: 'weather', arguments: '{"city":"Rome"}' }] },
  ],
  reason: 'tool_calls',
};

test('generateText gives text, reasoning, usage and why it ended', async () => {
  const { windrow, backend } = providerOf({ ...reasoned, reason: 'length' });
  const answer = await generateText({
    model: windrow(), system: 'Be short.', prompt: 'What is wide?', maxOutputTokens: 9, temperature: 0.5, topP: 0.9, topK: 40, seed: 7,
    presencePenalty: 0.5, frequencyPenalty: 0.25, stopSequences: ['\n'], providerOptions: { windrow: { min_p: 0.05 } },
  });
  expect([answer.text, answer.reasoningText, answer.finishReason]).toEqual(['The sea', 'It is big.', 'length']);
  expect(answer.usage).toMatchObject({ inputTokens: 7, outputTokens: 3, totalTokens: 10, inputTokenDetails: { cacheReadTokens: 2, noCacheTokens: 5 } });
  expect(answer.response.modelId).toBe('Fake 1M');
  expect(answer.providerMetadata).toEqual({ windrow: { stats: generateStats } });
  expect(answer.warnings ?? []).toEqual([]);
  expect(backend.asked[0]).toMatchObject({
    prompt: { messages: [{ role: 'system', content: 'Be short.' }, { role: 'user', content: 'What is wide?' }] },
    sampling: { temperature: 0.5, topP: 0.9, topK: 40, seed: 7, presencePenalty: 0.5, frequencyPenalty: 0.25, minP: 0.05 },
    maxTokens: 9,
    stop: ['\n'],
    reasoningApart: true,
  });
});

test('streamText gives the same in pieces', async () => {
  const { windrow } = providerOf(reasoned);
  const answer = streamText({ model: windrow(), prompt: 'What is wide?' });
  const pieces: string[] = [];
  for await (const piece of answer.textStream) pieces.push(piece);
  expect(pieces).toEqual(['The', ' sea']);
  expect([await answer.reasoningText, await answer.finishReason]).toEqual(['It is big.', 'stop']);
  expect(await answer.usage).toMatchObject({ inputTokens: 7, outputTokens: 3 });
  expect(await answer.providerMetadata).toEqual({ windrow: { stats: generateStats } });
});

test.each(['generated', 'streamed'])('tools are called, and the model asked again with their results: %s', async (way) => {
  const { windrow, backend } = providerOf((request) => (messagesOf(request).some(({ role }) => role === 'tool') ? { says: ['Cold.'] } : called));
  const run = {
    model: windrow(), prompt: 'Is it cold?', stopWhen: stepCountIs(3),
    tools: { weather: tool({ ...weather, execute: async ({ city }) => ({ city, degrees: city === 'Oslo' ? -3 : 20 }) }) },
  };
  const answer = way === 'generated' ? await generateText(run) : streamText(run);
  if ('consumeStream' in answer) await answer.consumeStream();
  expect(await answer.text).toBe('Cold.');
  expect((await answer.steps)[0].toolCalls.map(({ toolCallId, input }) => [toolCallId, input])).toEqual([
    ['call_a', { city: 'Oslo' }],
    ['call_b', { city: 'Rome' }],
  ]);
  expect((await answer.steps)[0].finishReason).toBe('tool-calls');
  expect(backend.asked[0].tools).toMatchObject({ tools: [{ name: 'weather', description: 'Weather of a city' }], required: false });
  expect(messagesOf(backend.asked[1]).slice(1)).toEqual([
    {
      role: 'assistant', content: 'Let me see.',
      tool_calls: [
        { id: 'call_a', type: 'function', function: { name: 'weather', arguments: { city: 'Oslo' } } },
        { id: 'call_b', type: 'function', function: { name: 'weather', arguments: { city: 'Rome' } } },
      ],
    },
    { role: 'tool', tool_call_id: 'call_a', name: 'weather', content: '{"city":"Oslo","degrees":-3}' },
    { role: 'tool', tool_call_id: 'call_b', name: 'weather', content: '{"city":"Rome","degrees":20}' },
  ]);
});

test.each([
  ['required' as const, { required: true, parallel: true }],
  [{ type: 'tool' as const, toolName: 'weather' as const }, { required: true, parallel: false }],
])('toolChoice %j', async (toolChoice, expected) => {
  const { windrow, backend } = providerOf(called);
  await generateText({ model: windrow(), prompt: 'Is it cold?', tools: { weather: tool(weather) }, toolChoice });
  expect(backend.asked[0].tools).toMatchObject(expected);
});

const city = jsonSchema<{ name: string }>({ type: 'object', properties: { name: { type: 'string' } }, required: ['name'], additionalProperties: false });

test('generateObject and streamObject hold the answer to the schema, which the model is told', async () => {
  const { windrow, backend } = providerOf({ says: ['{"name":', '"Oslo"}'] });
  expect((await generateObject({ model: windrow(), schema: city, prompt: 'A city' })).object).toEqual({ name: 'Oslo' });
  expect(backend.asked[0].grammar).toMatchObject({ schema: { required: ['name'], additionalProperties: false } });
  expect(messagesOf(backend.asked[0])[0].content).toMatch(/^A city\n\nAnswer with JSON that conforms to this JSON schema: \{.*"name"/);
  const partial: unknown[] = [];
  for await (const object of streamObject({ model: windrow(), schema: city, prompt: 'A city' }).partialObjectStream) partial.push(object);
  expect(partial.at(-1)).toEqual({ name: 'Oslo' });
  await generateObject({ model: windrow(), output: 'no-schema', prompt: 'A city' });
  expect(backend.asked.at(-1)!.grammar).toEqual({ json: true });
});

test('embed and embedMany', async () => {
  const { windrow, backend } = providerOf({}, { pooling: 'mean', dimensions: 2 });
  const one = await embed({ model: windrow.embeddingModel(), value: 'a' });
  expect(one.embedding.map((value) => value.toFixed(3))).toEqual(['0.600', '0.800']);
  expect(one.usage).toEqual({ tokens: 5 });
  expect(one.providerMetadata).toEqual({ windrow: { stats: embedStats(5) } });
  const two = await embedMany({ model: windrow.embeddingModel(), values: ['a', 'b'], providerOptions: { windrow: { dimensions: 1 } } });
  expect(two.embeddings).toEqual([[1], [1]]);
  expect(backend.embedded[1]).toEqual([{ text: 'a' }, { text: 'b' }]);
});

test('an aborted answer rejects, or ends its stream, and the request is stopped', async () => {
  const { windrow, backend } = providerOf({ says: Array<string>(1000).fill('word ') });
  const whole = new AbortController();
  const answer = generateText({ model: windrow(), prompt: 'Go on', abortSignal: whole.signal });
  setTimeout(() => whole.abort(), 20);
  await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  expect(backend.stopped).toBe(1);

  const pieces = new AbortController();
  const { stream } = await windrow().doStream({ ...options, abortSignal: pieces.signal });
  const read = async (): Promise<void> => {
    for await (const part of stream) if (part.type === 'text-delta') pieces.abort();
  };
  await expect(read()).rejects.toMatchObject({ name: 'AbortError' });
  expect(backend.stopped).toBe(2);
  await expect(windrow().doStream({ ...options, abortSignal: pieces.signal })).rejects.toMatchObject({ name: 'AbortError' });
});

test('leaving a stream stops the request', async () => {
  const { windrow, backend } = providerOf({ says: Array<string>(1000).fill('word ') });
  const reader = (await windrow().doStream(options)).stream.getReader();
  await reader.read();
  await reader.cancel();
  expect(backend.stopped).toBe(1);
});

const partsOf = async (stream: ReadableStream<LanguageModelV4StreamPart>) => {
  const parts: LanguageModelV4StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
};

test('parts of a stream: blocks do not overlap, calls are told in pieces and whole', async () => {
  const { windrow } = providerOf({ ...called, says: [{ reasoning: 'Hm.' }, ...called.says!] });
  const tools = [{ type: 'function' as const, name: 'weather', inputSchema: { type: 'object' as const } }];
  const parts = await partsOf((await windrow().doStream({ ...options, tools, includeRawChunks: true })).stream);
  expect(parts.filter(({ type }) => type !== 'raw').map((part) => [part.type, 'id' in part ? part.id : '', 'delta' in part ? part.delta : ''].join(' ').trim()))
    .toEqual([
      'stream-start', expect.stringMatching(/^response-metadata chatcmpl-/),
      'reasoning-start 0', 'reasoning-delta 0 Hm.', 'reasoning-end 0',
      'text-start 1', 'text-delta 1 Let me see.', 'text-end 1',
      'tool-input-start call_a', 'tool-input-delta call_a {"city":', 'tool-input-delta call_a "Oslo"}', 'tool-input-end call_a', 'tool-call',
      'tool-input-start call_b', 'tool-input-delta call_b {"city":"Rome"}', 'tool-input-end call_b', 'tool-call',
      'finish',
    ]);
  expect(parts.filter(({ type }) => type === 'raw')).toHaveLength(8); // the role, five pieces, the end, the usage
  expect(parts.filter(({ type }) => type === 'tool-call')).toMatchObject([
    { toolCallId: 'call_a', toolName: 'weather', input: '{"city":"Oslo"}' },
    { toolCallId: 'call_b', toolName: 'weather', input: '{"city":"Rome"}' },
  ]);
});

test('parts of a stream: calls whose pieces are mixed are told apart', async () => {
  const piece = (index: number, args: string, id?: string) => ({ calls: [{ index, ...(id && { id, name: 'weather' }), arguments: args }] });
  const says = [piece(0, '{"city"', 'a'), piece(1, '{"city":', 'b'), piece(0, ':"Oslo"}'), piece(1, '"Rome"}')];
  const parts = await partsOf((await providerOf({ says, reason: 'tool_calls' }).windrow().doStream(options)).stream);
  expect(parts.filter(({ type }) => type === 'tool-call')).toMatchObject([
    { toolCallId: 'a', input: '{"city":"Oslo"}' }, { toolCallId: 'b', input: '{"city":"Rome"}' },
  ]);
  const deltas = parts.flatMap((part) => (part.type === 'tool-input-delta' ? [`${part.id} ${part.delta}`] : []));
  expect(deltas).toEqual(['a {"city"', 'b {"city":', 'a :"Oslo"}', 'b "Rome"}']);
});

test('what goes wrong in the middle is a part of the stream, which ends with the reason error', async () => {
  const { windrow } = providerOf({ says: ['The'], error: new DeviceError('gone', { code: 'gpu_lost' }) });
  const parts = await partsOf((await windrow().doStream(options)).stream);
  expect(parts.slice(-3)).toMatchObject([
    { type: 'error', error: { code: 'gpu_lost' } },
    { type: 'text-end' },
    { type: 'finish', finishReason: { unified: 'error' } },
  ]);
  await expect(windrow().doGenerate(options)).rejects.toBeInstanceOf(DeviceError);
});

test('reasoning is asked for in the words of the template, and warned of where it has none', async () => {
  const thinking = { variable: 'enable_thinking', unasked: true, promptEnd: { on: '', off: '' } };
  const { windrow, backend } = providerOf({}, { thinking });
  expect((await windrow().doGenerate({ ...options, reasoning: 'none' })).warnings).toEqual([]);
  expect(backend.asked[0].prompt).toMatchObject({ variables: { enable_thinking: false } });
  expect((await providerOf().windrow().doGenerate({ ...options, reasoning: 'high' })).warnings).toMatchObject([{ type: 'unsupported', feature: 'reasoning' }]);
});

test('tools of providers and examples are warned of', async () => {
  const { windrow, backend } = providerOf();
  const { warnings } = await windrow().doGenerate({
    ...options,
    tools: [
      { type: 'provider', id: 'openai.web_search', name: 'search', args: {} },
      { type: 'function', name: 'weather', inputSchema: { type: 'object' }, inputExamples: [{ input: { city: 'Oslo' } }] },
    ],
  });
  expect(warnings.map((warning) => 'feature' in warning && warning.feature)).toEqual(['provider tool openai.web_search', 'inputExamples of weather']);
  expect(backend.asked[0].tools!.tools.map(({ name }) => name)).toEqual(['weather']);
});

test('reasoning goes back to the model, and what a tool says in all its forms', async () => {
  const { windrow, backend } = providerOf();
  const result = (toolCallId: string, output: unknown) => ({ type: 'tool-result' as const, toolCallId, toolName: 'f', output });
  const call = (toolCallId: string) => ({ type: 'tool-call' as const, toolCallId, toolName: 'f', input: {} });
  const ids = ['1', '2', '3', '4'];
  const outputs = [
    { type: 'text', value: 'fine' }, { type: 'error-json', value: { code: 3 } }, { type: 'execution-denied' },
    { type: 'content', value: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] },
  ];
  await generateText({
    model: windrow(),
    messages: [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: [{ type: 'reasoning', text: 'Hm.' }, ...ids.map(call)] },
      { role: 'tool', content: ids.map((id, i) => result(id, outputs[i])) },
    ] as ModelMessage[],
  });
  const [, answer, ...results] = messagesOf(backend.asked[0]);
  expect(answer).toMatchObject({ content: '', reasoning_content: 'Hm.' });
  expect(results.map(({ content }) => content)).toEqual(['fine', '{"code":3}', 'This call was not allowed.', 'a\nb']);
});

test('what cannot be done and would change the answer is refused by name', async () => {
  const { windrow } = providerOf();
  const file = { type: 'file' as const, mediaType: 'image/png', data: { type: 'data' as const, data: 'AA==' } };
  await expect(windrow().doGenerate({ prompt: [{ role: 'user', content: [file] }] })).rejects.toMatchObject({ code: 'unsupported_parameter' });
  await expect(windrow().doGenerate({ ...options, temperature: 3 })).rejects.toThrow('temperature is 3');
  await expect(windrow().doGenerate({ ...options, providerOptions: { windrow: { beams: 4 } } })).rejects.toThrow('The parameter beams');
  expect(() => windrow.imageModel('any')).toThrow('no image model');
});
