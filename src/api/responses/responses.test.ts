// Responses over a scripted engine; a real one, asked by OpenAI's client, is in test/api/openai-suite.ts.
import { expect, test } from 'vitest';
import { DeviceError } from '../../errors.ts';
import { type ChatMessage } from '../../protocol.ts';
import { generateStats, modelInfo } from '../../../test/doubles/fake-worker.ts';
import { type Backend } from '../backend.ts';
import { createSurface } from '../surface.ts';
import { type ResponseEvent, type ResponseParams } from './types.ts';

const asked: ChatMessage[][] = [];
let stops = 0;

/** Says two words, then ends or fails. */
const backend = (words = ['The', ' sea'], error?: Error): Backend => ({
  info: modelInfo,
  embed: () => Promise.reject(new Error('not asked here')),
  start({ prompt }, _signal, listener) {
    if ('messages' in prompt) asked.push(prompt.messages);
    let over = false;
    const say = (i: number): void => {
      if (over) return;
      if (i < words.length) listener.tokens(words[i], [{ id: i }]);
      else if (error) listener.failed(error);
      else listener.done('stop', generateStats);
      if (i < words.length) setTimeout(() => say(i + 1));
    };
    setTimeout(() => say(0));
    return () => {
      if (!over) stops++;
      over = true;
    };
  },
});
const read = async (from: Backend, params: ResponseParams): Promise<ResponseEvent[]> => {
  const events: ResponseEvent[] = [];
  for await (const event of await createSurface(from).responses.create({ ...params, stream: true })) events.push(event);
  return events;
};

test('gives an answer, and goes on from it with what was said, but without its instructions', async () => {
  const { responses } = createSurface(backend());
  const first = await responses.create({ input: 'Hello', instructions: 'Be brief.', metadata: { a: 'b' } });
  expect(first).toMatchObject({
    object: 'response', status: 'completed', output_text: 'The sea', instructions: 'Be brief.', metadata: { a: 'b' }, error: null, incomplete_details: null,
    output: [{ type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'The sea', annotations: [] }] }],
    usage: { input_tokens: 7, output_tokens: 3, total_tokens: 10, input_tokens_details: { cached_tokens: 2 } },
  });
  const second = await responses.create({ input: [{ role: 'user', content: [{ type: 'input_text', text: 'And?' }] }], previous_response_id: first.id });
  expect(second.previous_response_id).toBe(first.id);
  const said = [{ role: 'user', content: 'Hello' }, { role: 'assistant', content: 'The sea' }];
  expect(asked.splice(0)).toEqual([[{ role: 'system', content: 'Be brief.' }, said[0]], [...said, { role: 'user', content: 'And?' }]]);
  await responses.create({ input: [{ role: 'user', content: 'Hello' }, ...first.output, { role: 'user', content: 'Well?' }] });
  expect(asked.pop()).toEqual([...said, { role: 'user', content: 'Well?' }]);
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

test('leaving the events early stops the answer', async () => {
  stops = 0;
  for await (const { type } of await createSurface(backend(Array<string>(50).fill('x'))).responses.create({ input: 'Hello', stream: true })) {
    if (type === 'response.output_text.delta') break;
  }
  expect(stops).toBe(1);
});

test.each<[Partial<Record<keyof ResponseParams | 'tools' | 'text', unknown>>, string]>([
  [{ input: [] }, 'input is []; it must be a text, or a list of messages.'],
  [{ input: [{ type: 'function_call_output', output: 'x' }] }, 'input[0] is of the type "function_call_output", which is not supported'],
  [{ input: [{ role: 'user', content: [{ type: 'input_image' }] }] }, 'input[0].content is [{"type":"input_image"}]; it must be text'],
  [{ input: [{ role: 'user', content: 'a', phase: 'commentary' }] }, 'input[0].phase ("commentary") is not supported.'],
  [{ tools: [{ type: 'web_search' }] }, 'The parameter tools ([{"type":"web_search"}]) is not supported.'],
  [{ text: { format: { type: 'json_object' } } }, 'The parameter text'],
  [{ reasoning: { summary: 'auto' } }, 'The parameter summary ("auto") is not supported.'],
  [{ reasoning: { effort: 'low' } }, 'The parameter reasoning_effort ("low") is not supported'],
  [{ truncation: 'some' }, 'truncation is "some"; it must be auto or disabled.'],
  [{ metadata: { a: 1 } }, 'metadata is {"a":1}; it must be an object of texts.'],
  [{ store: 1 }, 'store is 1; it must be true or false.'],
])('refuses %j', async (params, message) => {
  await expect(createSurface(backend()).responses.create({ input: 'Hello', ...params } as ResponseParams)).rejects.toThrow(message);
});
