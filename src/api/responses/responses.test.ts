// Responses over a scripted engine; a real one, asked by OpenAI's client, is in test/api/openai-suite.ts.
import { expect, test } from 'vitest';
import { DeviceError } from '../../errors.ts';
import { type ChatMessage } from '../../protocol.ts';
import { generateStats } from '../../../test/doubles/fake-worker.ts';
import { fakeBackend, type FakeBackend, type Script } from '../../../test/doubles/fake-engine.ts';
import { type Backend } from '../backend.ts';
import { createSurface } from '../surface.ts';
import { type Response, type ResponseEvent, type ResponseParams, type ResponseTool } from './types.ts';

const backend = (says: Script['says'] = ['The', ' sea'], error?: Error, reason?: Script['reason']): FakeBackend => fakeBackend(() => ({ says, error, reason }));
const messagesOf = ({ asked }: FakeBackend): ChatMessage[] => (asked.at(-1)!.prompt as { messages: ChatMessage[] }).messages;
const read = async (from: Backend, params: ResponseParams): Promise<ResponseEvent[]> => {
  const events: ResponseEvent[] = [];
  for await (const event of await createSurface(from).responses.create({ ...params, stream: true })) events.push(event);
  return events;
};

test('gives an answer, and goes on from it with what was said, but without its instructions', async () => {
  const from = backend();
  const { responses } = createSurface(from);
  const first = await responses.create({ input: 'Hello', instructions: 'Be brief.', metadata: { a: 'b' } });
  expect(first).toMatchObject({
    object: 'response', status: 'completed', output_text: 'The sea', instructions: 'Be brief.', metadata: { a: 'b' }, error: null, incomplete_details: null,
    output: [{ type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'The sea', annotations: [] }] }],
    usage: { input_tokens: 7, output_tokens: 3, total_tokens: 10, input_tokens_details: { cached_tokens: 2 } }, stats: generateStats,
  });
  expect(messagesOf(from)).toEqual([{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Hello' }]);
  const second = await responses.create({ input: [{ role: 'user', content: [{ type: 'input_text', text: 'And?' }] }], previous_response_id: first.id });
  expect(second.previous_response_id).toBe(first.id);
  const said = [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'The sea' }];
  expect(messagesOf(from)).toEqual([...said, { role: 'user', content: 'And?' }]);
  await responses.create({ input: [{ role: 'user', content: 'Hello' }, ...first.output, { role: 'user', content: 'Well?' }] });
  expect(messagesOf(from)).toEqual([...said, { role: 'user', content: 'Well?' }]);
});

test('forgets what is not to be kept, and the oldest', async () => {
  const { responses } = createSurface(backend());
  const { id } = await responses.create({ input: 'Hello', store: false });
  await expect(responses.create({ input: 'And?', previous_response_id: id })).rejects.toMatchObject({ name: 'RequestError', code: 'not_found' });
  const ids: string[] = [];
  for (let i = 0; i < 257; i++) ids.push((await responses.create({ input: 'Hello' })).id);
  await expect(responses.create({ input: 'And?', previous_response_id: ids[0] })).rejects.toMatchObject({ code: 'not_found' });
  await responses.create({ input: 'And?', previous_response_id: ids[1] });
});

test('tells an error before the first text as one, and a later one as an event', async () => {
  const lost = new DeviceError('The GPU was lost.', { code: 'gpu_lost' });
  await expect(read(backend([], lost), { input: 'Hello' })).rejects.toMatchObject({ code: 'gpu_lost' });
  const events = await read(backend(['The'], lost), { input: 'Hello' });
  expect(events.at(-1)).toMatchObject({ type: 'response.failed', response: { status: 'failed', error: { message: 'The GPU was lost.' } } });
});

test('leaving the events early stops the answer, also before the first one and while one is waited for', async () => {
  const from = backend(Array<string>(50).fill('x'));
  const { responses } = createSurface(from);
  for await (const { type } of await responses.create({ input: 'Hello', stream: true })) if (type === 'response.output_text.delta') break;
  expect(from.stopped).toBe(1);
  await (await responses.create({ input: 'Hello', stream: true })).return!();
  expect(from.stopped).toBe(2);
  const silent: Backend = { ...from, start: () => () => void from.stopped++ };
  const waiting = await createSurface(silent).responses.create({ input: 'Hello', stream: true });
  for (let i = 0; i < 2; i++) await waiting.next();
  const never = waiting.next();
  await waiting.return!();
  expect([from.stopped, await never]).toEqual([3, { done: true, value: undefined }]);
});

test('an aborted answer rejects with the reason of the signal, and its events just end', async () => {
  const from = backend(Array<string>(50).fill('x'));
  const stopping = new AbortController();
  const whole = createSurface(from).responses.create({ input: 'Hello' }, { signal: stopping.signal });
  const events = read(from, { input: 'Hello', signal: stopping.signal });
  setTimeout(() => stopping.abort(new Error('enough')), 5);
  await expect(whole).rejects.toThrow('enough');
  expect((await events).at(-1)!.type).not.toMatch(/completed|failed|incomplete/);
});

const light: ResponseTool = {
  type: 'function', name: 'light', description: 'Switches a light.', strict: true,
  parameters: { type: 'object', properties: { on: { type: 'boolean' } }, required: ['on'] },
};
const calls: Script['says'] = [
  { reasoning: 'It is' }, { reasoning: ' dark.' }, 'Let', ' me.',
  { calls: [{ index: 0, id: 'call-a', name: 'light', arguments: '{"on"' }] }, { calls: [{ index: 0, arguments: ': true}' }] },
  { calls: [{ index: 1, id: 'call-b', name: 'light', arguments: '{"on":false}' }] },
];

test('tells reasoning, text and calls as items, one after the other, in OpenAI\'s order', async () => {
  const from = backend(calls, undefined, 'tool_calls');
  const params = { input: 'Light!', tools: [light], tool_choice: 'required' as const, parallel_tool_calls: true };
  const events = await read(from, params);
  expect(events.map((event) => event.sequence_number)).toEqual([...events.keys()]);
  const of = (index: number, ...types: string[]): string[] => types.map((type) => `${index} ${type}`);
  expect(events.map((event) => `${'output_index' in event ? event.output_index : '-'} ${event.type.replace('response.', '')}`)).toEqual([
    '- created', '- in_progress',
    ...of(0, 'output_item.added', 'content_part.added', 'reasoning_text.delta', 'reasoning_text.delta', 'reasoning_text.done', 'content_part.done',
      'output_item.done'),
    ...of(1, 'output_item.added', 'content_part.added', 'output_text.delta', 'output_text.delta', 'output_text.done', 'content_part.done', 'output_item.done'),
    ...of(2, 'output_item.added', 'function_call_arguments.delta', 'function_call_arguments.delta', 'function_call_arguments.done', 'output_item.done'),
    ...of(3, 'output_item.added', 'function_call_arguments.delta', 'function_call_arguments.done', 'output_item.done'),
    '- completed',
  ]);
  const last = events.at(-1)!;
  const answer = 'response' in last ? last.response : undefined;
  expect(answer).toMatchObject({
    status: 'completed', stats: generateStats, output_text: 'Let me.', tools: [light], tool_choice: 'required',
    usage: { output_tokens_details: { reasoning_tokens: 2 } },
    output: [
      { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'It is dark.' }], status: 'completed' },
      { type: 'message', content: [{ text: 'Let me.' }], status: 'completed' },
      { type: 'function_call', call_id: 'call-a', name: 'light', arguments: '{"on": true}', status: 'completed' },
      { type: 'function_call', call_id: 'call-b', name: 'light', arguments: '{"on":false}', status: 'completed' },
    ],
  });
  const done = events.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []));
  expect(done).toEqual(answer!.output);
  const added = events.flatMap((event) => (event.type === 'response.output_item.added' ? [event.item] : []));
  expect(added.map(({ id, status }) => [id, status])).toEqual(done.map(({ id }) => [id, 'in_progress']));
  const nameless = (response: Response) => ({ ...response, id: '', created_at: 0, output: response.output.map((item) => ({ ...item, id: '' })) });
  expect(nameless(await createSurface(from).responses.create(params))).toEqual(nameless(answer!));
  expect(from.asked.at(-1)!.tools).toEqual({
    tools: [{ name: 'light', description: 'Switches a light.', parameters: light.parameters }], required: true, parallel: true,
  });
});

test('goes on from results of calls, by the id of the answer or with its items', async () => {
  const from = fakeBackend(({ prompt }) =>
    'messages' in prompt && prompt.messages.at(-1)!.role === 'tool' ? { says: ['Done.'] } : { says: calls, reason: 'tool_calls' },
  );
  const { responses } = createSurface(from);
  const first = await responses.create({ input: 'Light!', tools: [light] });
  const results = ['call-a', 'call-b'].map((call_id) => ({ type: 'function_call_output' as const, call_id, output: `${call_id} is done` }));
  const wanted = [
    { role: 'user', content: 'Light!' },
    {
      role: 'assistant', content: 'Let me.', reasoning_content: 'It is dark.',
      tool_calls: [
        { id: 'call-a', type: 'function', function: { name: 'light', arguments: { on: true } } },
        { id: 'call-b', type: 'function', function: { name: 'light', arguments: { on: false } } },
      ],
    },
    { role: 'tool', tool_call_id: 'call-a', content: 'call-a is done' },
    { role: 'tool', tool_call_id: 'call-b', content: 'call-b is done' },
  ];
  const second = await responses.create({ input: results, tools: [light], previous_response_id: first.id });
  expect([second.output_text, messagesOf(from)]).toEqual(['Done.', wanted]);
  await responses.create({ input: [{ role: 'user', content: 'Light!' }, ...first.output, ...results], tools: [light] });
  expect(messagesOf(from)).toEqual(wanted);
  await responses.create({ input: 'Thanks.', previous_response_id: second.id });
  expect(messagesOf(from)).toEqual([...wanted, { role: 'assistant', content: 'Done.' }, { role: 'user', content: 'Thanks.' }]);
});

test('keeps calls apart whose pieces are mixed, and an error counts what is asked alone', async () => {
  const pieces = (...calls: [number, string, string?][]): Script['says'] =>
    calls.map(([index, args, id]) => ({ calls: [{ index, ...(id && { id, name: 'light' }), arguments: args }] }));
  const from = backend(pieces([0, '{"on"', 'a'], [1, '{"on":', 'b'], [0, ':true}'], [1, 'false}']), undefined, 'tool_calls');
  const events = await read(from, { input: 'Light!', tools: [light] });
  const done = events.flatMap((event) => (event.type === 'response.output_item.done' ? [event] : []));
  expect(done.map(({ output_index, item }) => [output_index, item])).toMatchObject([
    [0, { call_id: 'a', arguments: '{"on":true}' }], [1, { call_id: 'b', arguments: '{"on":false}' }],
  ]);
  const deltas = events.flatMap((event) => (event.type === 'response.function_call_arguments.delta' ? [event] : []));
  expect(deltas.map(({ output_index, item_id, delta }) => [output_index, item_id === done[output_index].item.id, delta])).toEqual([
    [0, true, '{"on"'], [1, true, '{"on":'], [0, true, ':true}'], [1, true, 'false}'],
  ]);
  const { responses } = createSurface(backend());
  const { id } = await responses.create({ input: 'Hello' });
  const wrong = [{ role: 'user', content: 'And?' }, { role: 'user', content: 7 }] as unknown as ResponseParams['input'];
  await expect(responses.create({ input: wrong, previous_response_id: id })).rejects.toThrow('input[1].content is 7');
});

test('what is cut is incomplete, a call too; an answer of nothing is an empty message', async () => {
  const cut = await createSurface(backend([calls[4]], undefined, 'length')).responses.create({ input: 'Light!', tools: [light] });
  expect(cut).toMatchObject({
    status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, output: [{ type: 'function_call', arguments: '{"on"', status: 'incomplete' }],
  });
  const silent = await createSurface(backend([])).responses.create({ input: 'Hello' });
  expect(silent).toMatchObject({ output_text: '', output: [{ type: 'message', content: [{ text: '' }], status: 'completed' }] });
});

test('passes on what a chat may be asked beside OpenAI\'s parameters, and tells whether targets were met', async () => {
  const targets = { firstToken: { targetMs: 200, ms: 150, met: true } };
  const from = backend();
  const start: Backend['start'] = (request, signal, listener) =>
    from.start(request, signal, { ...listener, done: (reason, stats) => listener.done(reason, { ...stats, targets }) });
  const answer = await createSurface({ ...from, start }).responses.create({
    input: 'Hello', targets: { first_token_ms: 200 }, priority: -2, grammar: { regex: 'a+' }, chat_template_kwargs: { enable_thinking: false },
  });
  expect(from.asked.at(-1)).toMatchObject({
    targets: { firstTokenMs: 200 }, priority: -2, grammar: { regex: 'a+' }, prompt: { variables: { enable_thinking: false } },
  });
  expect([answer.usage!.targets, answer.stats!.targets]).toEqual([targets, targets]);
});

test('holds the answer to the form that is asked for', async () => {
  const from = backend(['{}']);
  const schema = { type: 'object' };
  const { text } = await createSurface(from).responses.create({ input: 'Hello', text: { format: { type: 'json_schema', name: 'a', schema, strict: true } } });
  expect([text.format.type, from.asked.at(-1)!.grammar]).toEqual(['json_schema', { schema }]);
  await createSurface(from).responses.create({ input: 'Hello', text: { format: { type: 'json_object' } } });
  expect(from.asked.at(-1)!.grammar).toEqual({ json: true });
  await createSurface(from).responses.create({ input: 'Hello', text: { format: { type: 'text' } } });
  expect(from.asked.at(-1)!.grammar).toBeUndefined();
});

test.each<[Partial<Record<keyof ResponseParams | 'context_overflow', unknown>>, string]>([
  [{ input: [] }, 'input is []; it must be a text, or a list of items.'],
  [{ input: [{ type: 'item_reference', id: 'x' }] }, 'input[0] is of the type "item_reference", which is not supported'],
  [{ input: [{ type: 'function_call_output', output: 'x' }] }, 'input[0].call_id is undefined; it must be text.'],
  [{ input: [{ type: 'function_call', call_id: 'a', name: 'f', arguments: '{' }] }, 'input[0].arguments is "{", which is no JSON.'],
  [{ input: [{ type: 'reasoning', encrypted_content: 'x' }] }, 'input[0].encrypted_content ("x") is not supported.'],
  [{ input: [{ role: 'robot', content: 'a' }] }, 'input[0].role is "robot"; it must be one of'],
  [{ input: [null] }, 'input[0].role is undefined'],
  [{ input: [{ role: 'user', content: [{ type: 'input_image' }] }] }, 'input[0].content is [{"type":"input_image"}]; it must be text'],
  [{ input: [{ role: 'user', content: 'a', phase: 'commentary' }] }, 'input[0].phase ("commentary") is not supported.'],
  [{ tools: [{ type: 'web_search' }] }, 'tools[0] is {"type":"web_search"}, which is not supported'],
  [{ tools: [{ ...light, defer_loading: true }] }, 'The parameter tools[0].defer_loading (true) is not supported.'],
  [{ tools: [light], tool_choice: { type: 'function', function: { name: 'light' } } }, 'tool_choice is {"type":"function","function":{"name":"light"}}'],
  [{ tools: [light], tool_choice: { type: 'function', name: 'dark' } }, 'tool_choice names "dark", which is none of the tools.'],
  [{ text: { format: { type: 'xml' } } }, 'text.format is {"type":"xml"}; it must be'],
  [{ text: { verbosity: 'low' } }, 'The parameter text.verbosity ("low") is not supported.'],
  [{ reasoning: { summary: 'auto' } }, 'The parameter summary ("auto") is not supported.'],
  [{ reasoning: { effort: 'low' } }, 'The parameter reasoning_effort ("low") is not supported'],
  [{ truncation: 'some' }, 'truncation is "some"; it must be auto or disabled.'],
  [{ metadata: { a: 1 } }, 'metadata is {"a":1}; it must be an object of texts.'],
  [{ store: 1 }, 'store is 1; it must be true or false.'],
  [{ context_overflow: 'shift' }, 'The parameter context_overflow ("shift") is not supported.'],
  [{ grammar: 'root ::= "a"', text: { format: { type: 'json_object' } } }, 'There are a grammar and a response_format'],
])('refuses %j', async (params, message) => {
  await expect(createSurface(backend()).responses.create({ input: 'Hello', ...params } as ResponseParams)).rejects.toThrow(message);
});
