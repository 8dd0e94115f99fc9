// What OpenAI's own client has to see of windrow, wherever it asks: run against `windrow serve` in Node, and in a page whose service
// worker answers. The model is that of tools-model.ts in f32; `golden` is what llama.cpp has it say.
import OpenAI from 'openai';
import { type Check, equal, type Golden, failureOf, holds, model } from './openai-checks.ts';
import { reasoningChecks } from './openai-reasoning.ts';
import { toolChecks } from './openai-tools.ts';

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'system', content: 'Tell a story.' }, { role: 'user', content: 'Of a dog.' }];
/** The client's own error; where heads come first, that of `fetch` too, as the head may have been there or not. */
const isAbort = (error: unknown, { headFirst }: Golden): boolean =>
  error instanceof OpenAI.APIUserAbortError || (headFirst === true && (error as Error).name === 'AbortError');
const trimmed = (text: string): string => text.trimStart();

async function streamed(client: OpenAI, params: Omit<OpenAI.CompletionCreateParamsStreaming, 'model' | 'stream'>): Promise<OpenAI.Completion[]> {
  const chunks: OpenAI.Completion[] = [];
  for await (const chunk of await client.completions.create({ model, stream: true, ...params })) chunks.push(chunk);
  return chunks;
}
const textOf = (chunks: OpenAI.Completion[], index = 0): string =>
  chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index).map(({ text }) => text)).join('');

export const suite: Record<string, Check> = {
  async 'lists the model and finds it by its name'(client) {
    const { data: [{ id }, ...others] } = await client.models.list();
    equal(others, [], 'other models');
    equal((await client.models.retrieve(id)).id, id, 'the model');
    equal((await failureOf(() => client.models.retrieve('gpt-0'))).status, 404, 'another model');
  },

  async 'goes on with the golden text, whole and streamed alike, and counts its tokens'(client, golden) {
    const params = { prompt: golden.prompt_ids, max_tokens: 24 };
    const whole = await client.completions.create({ model, ...params });
    holds(trimmed(golden.text).startsWith(trimmed(whole.choices[0].text)) && whole.choices[0].text.length > 40, `the text ${whole.choices[0].text}`);
    equal(whole.choices[0].finish_reason, 'length', 'the reason');
    const counts = [golden.prompt_ids.length, 24, golden.prompt_ids.length + 24];
    equal([whole.usage!.prompt_tokens, whole.usage!.completion_tokens, whole.usage!.total_tokens], counts, 'usage');
    const chunks = await streamed(client, { ...params, stream_options: { include_usage: true } });
    equal(textOf(chunks), whole.choices[0].text, 'the streamed text');
    const { choices, usage } = chunks.at(-1)!;
    equal([choices.length, usage!.prompt_tokens, usage!.completion_tokens, usage!.total_tokens], [0, ...counts], 'usage of the stream');
  },

  async 'gives n texts that differ and repeat with their seed'(client, golden) {
    const params = { prompt: golden.prompt, max_tokens: 12, n: 3, temperature: 1.5, seed: 11 };
    const texts = (await client.completions.create({ model, ...params })).choices.map(({ text }) => text);
    equal(new Set(texts).size, 3, 'different texts');
    const chunks = await streamed(client, params);
    equal([0, 1, 2].map((index) => textOf(chunks, index)), texts, 'the same once more, streamed');
    const other = await client.completions.create({ model, ...params, seed: 12 });
    holds(other.choices[0].text !== texts[0], 'another text by another seed');
    equal((await client.completions.create({ model, ...params, n: 1 })).choices[0].text, texts[0], 'the first of several is that of one');
  },

  async 'ends before a text of stop that begins and ends within tokens'(client, golden) {
    const { choices: [{ text, logprobs }] } = await client.completions.create({ model, prompt: golden.prompt, max_tokens: 24, logprobs: 0 });
    const second = logprobs!.text_offset![8];
    const stop = text.slice(second - 2, second + 2); // the end of one token and the beginning of the next
    const before = text.slice(0, text.indexOf(stop));
    for (const each of [stop, ['never', stop]]) {
      const { choices: [stopped] } = await client.completions.create({ model, prompt: golden.prompt, max_tokens: 24, stop: each });
      equal([stopped.text, stopped.finish_reason], [before, 'stop'], 'the text before');
    }
    equal(textOf(await streamed(client, { prompt: golden.prompt, max_tokens: 24, stop })), before, 'the streamed text before');
  },

  async 'tells log-probabilities within 1e-3 of the reference'(client, golden) {
    const { choices: [{ logprobs }] } = await client.completions.create({ model, prompt: golden.prompt_ids, max_tokens: 1, logprobs: 20 });
    const found = Object.values(logprobs!.top_logprobs![0]).toSorted((a, b) => b - a);
    holds(found.length > 10, `${found.length} of 20, as tokens of one text share an entry`);
    const nearest = found.map((value) => Math.min(...golden.logprobs.map((wanted) => Math.abs(wanted - value))));
    const worst = Math.max(Math.abs(logprobs!.token_logprobs![0] - golden.logprobs[0]), ...nearest);
    holds(worst < 1e-3, `the largest error, ${worst}, is under 1e-3`);
  },

  async 'chats, with the role first and the reason last'(client) {
    const params = { messages, max_completion_tokens: 12, logprobs: true, top_logprobs: 2 };
    const whole = await client.chat.completions.create({ model, ...params });
    const { message, finish_reason, logprobs } = whole.choices[0];
    const stream = await client.chat.completions.create({ model, stream: true, ...params });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const all = chunks.flatMap(({ choices }) => choices);
    equal(all[0].delta, { role: 'assistant', content: '' }, 'the first chunk');
    equal(all.map(({ delta }) => delta.content ?? '').join(''), message.content, 'the text');
    equal(all.at(-1)!.finish_reason, finish_reason, 'the reason');
    const told = all.flatMap((choice) => choice.logprobs?.content ?? []);
    equal(told.map(({ token }) => token), logprobs!.content!.map(({ token }) => token), 'tokens');
    // Not the same bits: the second time its prompt is there already.
    holds(told.every(({ logprob }, i) => Math.abs(logprob - logprobs!.content![i].logprob) < 1e-4), 'log-probabilities are the same');
    holds(logprobs!.content!.every(({ logprob, top_logprobs: [top] }) => logprob <= 0 && top.logprob >= logprob), 'log-probabilities are in order');
  },

  async 'gives n answers of a chat that repeat with their seed, and ends before a text of stop'(client) {
    const params = { model, messages, max_completion_tokens: 12, n: 2, temperature: 1.5, seed: 7 };
    const texts = (await client.chat.completions.create(params)).choices.map(({ message: { content } }) => content!);
    holds(texts[0] !== texts[1], 'texts that differ');
    const streamed = ['', ''];
    for await (const { choices } of await client.chat.completions.create({ ...params, stream: true })) {
      for (const { index, delta } of choices) streamed[index] += delta.content ?? '';
    }
    equal(streamed, texts, 'the same once more, streamed');
    const { choices: [greedy] } = await client.chat.completions.create({ model, messages, max_completion_tokens: 24 });
    const stop = greedy.message.content!.slice(10, 14);
    const { choices: [{ message, finish_reason }] } = await client.chat.completions.create({ model, messages, max_completion_tokens: 24, stop });
    equal([message.content, finish_reason], [greedy.message.content!.split(stop)[0], 'stop'], 'the text before');
  },

  async 'responds, in events in order, and goes on from an answer'(client) {
    const params = { model, instructions: 'Tell a story.', input: 'Of a dog.', max_output_tokens: 10 };
    const whole = await client.responses.create(params);
    equal([whole.status, whole.incomplete_details?.reason, whole.usage!.output_tokens], ['incomplete', 'max_output_tokens', 10], 'the end');
    holds(whole.output_text.length > 0, 'there is text');
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const event of await client.responses.create({ ...params, stream: true })) events.push(event);
    const kinds = events.map(({ type }) => type.replace('response.', ''));
    equal(kinds.filter((kind, i) => kind !== kinds[i - 1]), [
      'created', 'in_progress', 'output_item.added', 'content_part.added', 'output_text.delta', 'output_text.done', 'content_part.done',
      'output_item.done', 'incomplete',
    ], 'the order of events');
    equal(events.map((event) => event.sequence_number), [...events.keys()], 'their numbers');
    equal(events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join(''), whole.output_text, 'the text in events');
    const chat = (messages: OpenAI.ChatCompletionMessageParam[]) => client.chat.completions.create({ model, messages, max_completion_tokens: 10 });
    const next = await client.responses.create({ model, input: 'And then?', previous_response_id: whole.id, max_output_tokens: 10 });
    const said: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Of a dog.' }, { role: 'assistant', content: whole.output_text }];
    const same = await chat([...said, { role: 'user', content: 'And then?' }]);
    equal(next.output_text, same.choices[0].message.content, 'the answer that goes on');
    const lost = await failureOf(() => client.responses.create({ ...params, previous_response_id: 'resp-none' }));
    equal([lost.status, lost.code], [400, 'not_found'], 'an answer that is not there');
    const tools = [{ type: 'web_search' as const }];
    equal((await failureOf(() => client.responses.create({ ...params, tools }))).code, 'unsupported_parameter', 'what is not supported');
  },

  async 'leaves out the oldest turns of a conversation where it is told to, and else tells the numbers'(client) {
    const turn = (i: number): OpenAI.ChatCompletionMessageParam[] => [
      { role: 'user', content: `Once there was a dog, ${'and it was a big dog, '.repeat(5)} ${i}` }, { role: 'assistant', content: 'It was happy.' },
    ];
    const long = [messages[0], ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap(turn), messages[1]];
    const params = { model, messages: long, max_completion_tokens: 8 };
    const refused = await failureOf(() => client.chat.completions.create(params));
    equal([refused.status, refused.code], [400, 'context_length_exceeded'], 'the error');
    holds(/has \d+ tokens; the context of 512/.test(refused.message), refused.message);
    const cut = { ...params, context_overflow: 'truncate' };
    const { usage, choices, ...more } = await client.chat.completions.create(cut);
    const { droppedMessages } = (more as unknown as { stats: { droppedMessages: number } }).stats;
    holds(droppedMessages > 0 && droppedMessages % 2 === 0 && usage!.prompt_tokens <= 384, `${droppedMessages} messages, ${usage!.prompt_tokens} tokens`);
    const rest = await client.chat.completions.create({ ...params, messages: [messages[0], ...long.slice(1 + droppedMessages)] });
    equal([rest.choices[0].message.content, rest.usage!.prompt_tokens], [choices[0].message.content, usage!.prompt_tokens], 'the answer to the rest');
    const shift = { ...params, context_overflow: 'shift' };
    const shifted = await client.chat.completions.create(shift);
    equal([shifted.usage!.prompt_tokens, shifted.usage!.completion_tokens], [256, 8], 'shift leaves half of the context');
    const endless = await failureOf(() => client.chat.completions.create({ ...shift, max_completion_tokens: undefined }));
    equal(endless.code, 'invalid_request', 'shift without an end');
  },

  async 'tells errors by class, status and code'(client, golden) {
    const unsupported = await failureOf(() => client.completions.create({ model, prompt: 'a', suffix: 'z' }));
    equal([unsupported.status, unsupported.code, unsupported instanceof OpenAI.BadRequestError], [400, 'unsupported_parameter', true], 'a parameter');
    holds(unsupported.message.includes('suffix'), unsupported.message);
    const prompt = Array<number>(5000).fill(golden.prompt_ids[1]);
    for (const stream of [false, true]) {
      const long = await failureOf(() => client.completions.create({ model, prompt, stream }));
      equal([long.status, long.code], [400, 'context_length_exceeded'], 'a prompt that is too long');
    }
    const wrong = await failureOf(() => client.chat.completions.create({ model, messages, temperature: 3 }));
    equal([wrong.status, wrong.code], [400, 'invalid_request'], 'a value out of range');
    equal((await failureOf(() => client.images.generate({ prompt: 'a dog' }))).status, 404, 'a path');
  },

  async 'stops where the client leaves a stream or aborts a call, and answers the next'(client, golden) {
    const params = { model, prompt: golden.prompt, max_tokens: 400 };
    let chunks = 0;
    for await (const chunk of await client.completions.create({ ...params, stream: true })) if (++chunks === 3 && chunk) break;
    equal(chunks, 3, 'chunks read');
    const closing = new AbortController();
    const aborted = client.completions.create(params, { signal: closing.signal });
    setTimeout(() => closing.abort(), 30);
    equal(await aborted.then(() => 'whole', (error: unknown) => isAbort(error, golden) ? 'aborted' : String(error)), 'aborted', 'the call');
    const { choices: [{ text }] } = await client.completions.create({ ...params, max_tokens: 8 });
    holds(trimmed(golden.text).startsWith(trimmed(text)), `the next answer ${text}`);
  },

  ...reasoningChecks,
  ...toolChecks,
};

/** What is the engine's, whatever carries its answers: seen where `windrow serve` does. */
const ofTheEngine = [
  'gives n texts that differ and repeat with their seed',
  'ends before a text of stop that begins and ends within tokens',
  'tells log-probabilities within 1e-3 of the reference',
  'gives n answers of a chat that repeat with their seed, and ends before a text of stop',
  'leaves out the oldest turns of a conversation where it is told to, and else tells the numbers',
  'calls the function that is named, and tells which parameters it cannot hold',
  'answers in the form of a schema, whole and streamed, in chats and in responses',
];

/** The others, for what carries requests another way; the full run has it carry all. */
export const carried: Record<string, Check> = Object.fromEntries(Object.entries(suite).filter(([name]) => !ofTheEngine.includes(name)));
if (Object.keys(carried).length !== Object.keys(suite).length - ofTheEngine.length) throw new Error('ofTheEngine names checks that are not there.');
