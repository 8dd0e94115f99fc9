// The part of openai-suite.ts with functions and schemas. The model's template is that of tools-model.ts; it knows nothing of either,
// so that what holds is held by the grammar.
import { Validator } from '@cfworker/json-schema';
import type OpenAI from 'openai';
import { type Check, equal, failureOf, holds, model } from './openai-checks.ts';
import { schemas } from './schemas.ts';

type Message = OpenAI.ChatCompletionMessageParam;
type Item = OpenAI.Responses.ResponseInputItem;
type Event = OpenAI.Responses.ResponseStreamEvent;

const light = {
  name: 'light', description: 'Switches a light.',
  parameters: { type: 'object', properties: { room: { enum: ['kitchen', 'hall'] }, on: { type: 'boolean' } }, required: ['room', 'on'] },
};
const now = { name: 'now', parameters: { type: 'object', properties: {} } };
const tools: OpenAI.ChatCompletionTool[] = [light, now].map((of) => ({ type: 'function', function: of }));
/** So likely is the end of the answer made that the model ends after one call or a few; by itself it never would. */
const ending = { logit_bias: { 2: 20 }, temperature: 1 };
const asked: Message[] = [{ role: 'user', content: 'Light!' }];

/** Of a call that is whole: there is such a function, and the arguments pass its schema. */
function passes({ name, arguments: args }: { name: string; arguments: string }): void {
  const { parameters } = [light, now].find((tool) => tool.name === name)!;
  const { valid, errors } = new Validator(parameters as object, '2020-12').validate(JSON.parse(args));
  holds(valid, `${name}(${args}) ${JSON.stringify(errors[0])}`);
}

/** The answer of the first seed that calls several functions. */
async function several<T>(ask: (seed: number) => Promise<T>, callsOf: (answer: T) => unknown[]): Promise<{ seed: number; answer: T }> {
  for (let seed = 20; seed < 40; seed++) { // the first one does, briefly
    const answer = await ask(seed);
    if (callsOf(answer).length > 1) return { seed, answer };
  }
  throw new Error('No seed of 20 has the model call several functions.');
}

/** Most of the many pass, or they are cut and begin so, which test/gpu/api/grammar-gpu.test.ts looks at. */
const some = [
  'a person', 'nested objects', 'an enum of several types', 'a pattern', 'any of, within', 'a recursive list', 'a list within bounds',
  'names and values of other scripts', 'formats',
];
function fits(name: string, text: string): void {
  const { valid, errors } = new Validator(schemas[name], '2020-12').validate(JSON.parse(text));
  holds(valid, `${name}: ${text} ${JSON.stringify(errors[0])}`);
}

export const toolChecks: Record<string, Check> = {
  async 'calls several functions, whole and in pieces alike, and goes on from their results'(client) {
    const params = { model, tools, tool_choice: 'required' as const, ...ending, max_completion_tokens: 240 };
    const ask = (seed: number) => client.chat.completions.create({ ...params, messages: asked, seed });
    const { seed, answer } = await several(ask, ({ choices }) => (choices[0].finish_reason === 'tool_calls' ? choices[0].message.tool_calls! : []));
    const { message } = answer.choices[0];
    const calls = message.tool_calls!.flatMap((call) => (call.type === 'function' ? [call] : []));
    equal([message.content, new Set(calls.map(({ id }) => id)).size], [null, calls.length], 'no text, and ids that differ');
    calls.forEach((call) => passes(call.function));

    const heard: { id?: string; name?: string; arguments: string; pieces: number }[] = [];
    const stream = await client.chat.completions.create({ ...params, messages: asked, seed, stream: true });
    let reason: string | null = null;
    for await (const { choices: [{ delta, finish_reason }] } of stream) {
      reason ??= finish_reason;
      for (const { index, id, function: piece } of delta.tool_calls ?? []) {
        const call = (heard[index] ??= { id, name: piece!.name, arguments: '', pieces: 0 });
        call.arguments += piece!.arguments;
        call.pieces++;
      }
    }
    equal(heard.map(({ name, arguments: args }) => [name, args]), calls.map((call) => [call.function.name, call.function.arguments]), 'the calls in pieces');
    equal([reason, heard.every(({ id }) => id), heard.some(({ pieces }) => pieces > 1)], ['tool_calls', true, true], 'the reason, ids and pieces');

    const results = calls.map(({ id }): Message => ({ role: 'tool', tool_call_id: id, content: 'done' }));
    const second = [...asked, message, ...results];
    const next = await client.chat.completions.create({ ...params, messages: second, seed, parallel_tool_calls: false });
    const more = next.choices[0].message.tool_calls!;
    equal(more.length, 1, 'calls of the second round');
    holds(next.usage!.prompt_tokens > answer.usage!.prompt_tokens, 'the second prompt has the calls and their results');
    const third: Message[] = [...second, next.choices[0].message, { role: 'tool', tool_call_id: more[0].id, content: 'done' }];
    const { choices: [end] } = await client.chat.completions.create({ model, messages: third, tools, tool_choice: 'none', max_completion_tokens: 8 });
    equal([end.message.tool_calls, typeof end.message.content], [undefined, 'string'], 'the answer');
  },

  async 'calls the function that is named, and tells which parameters it cannot hold'(client) {
    const params = { model, messages: asked, temperature: 1, seed: 3, max_completion_tokens: 200 };
    const named = await client.chat.completions.create({ ...params, tools, tool_choice: { type: 'function', function: { name: 'now' } } });
    equal(named.choices[0].message.tool_calls!.map((call) => call.type === 'function' && call.function), [{ name: 'now', arguments: '{}' }], 'the call');
    const wrong = { type: 'function' as const, function: { name: 'f', parameters: { type: 'object', properties: { a: { not: {} } } } } };
    const refused = await failureOf(() => client.chat.completions.create({ ...params, tools: [wrong] }));
    equal([refused.status, refused.code], [400, 'unsupported_schema'], 'what cannot be held');
  },

  async 'responds with calls, in events in order, and goes on from their results by the id or with the items'(client) {
    const flat = [light, now].map((tool): OpenAI.Responses.FunctionTool => ({ type: 'function', strict: true, ...tool }));
    const params = { model, tools: flat, ...ending, max_output_tokens: 240 };
    const ask = (seed: number) => client.responses.create({ ...params, input: 'Light!', tool_choice: 'required', seed } as Asked);
    const callsOf = ({ output }: OpenAI.Responses.Response) => output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
    const { seed, answer } = await several(ask, (each) => (each.status === 'completed' ? callsOf(each) : []));
    const calls = callsOf(answer);
    equal([answer.output.length, answer.output_text], [calls.length, ''], 'calls alone');
    calls.forEach(passes);

    const events: Event[] = [];
    const again = { ...params, input: 'Light!', tool_choice: 'required', seed } as Asked;
    for await (const event of await client.responses.create({ ...again, stream: true })) events.push(event);
    const kinds = events.map((event) => `${'output_index' in event ? event.output_index : ''}${event.type.replace('response.', ' ')}`);
    equal(kinds.filter((kind, i) => kind !== kinds[i - 1]), [
      ' created', ' in_progress',
      ...calls.flatMap((_, i) =>
        ['output_item.added', 'function_call_arguments.delta', 'function_call_arguments.done', 'output_item.done'].map((kind) => `${i} ${kind}`),
      ),
      ' completed',
    ], 'the order of events');
    equal(events.map((event) => event.sequence_number), [...events.keys()], 'their numbers');
    const pieces = calls.map((_, i) =>
      events.flatMap((event) => (event.type === 'response.function_call_arguments.delta' && event.output_index === i ? [event.delta] : [])).join(''),
    );
    equal(pieces, calls.map((call) => call.arguments), 'the arguments in events');
    const last = events.at(-1)!;
    const streamed = last.type === 'response.completed' ? callsOf(last.response) : [];
    equal(streamed.map(({ name, arguments: args }) => [name, args]), calls.map(({ name, arguments: args }) => [name, args]), 'the calls of the last event');

    const results = calls.map(({ call_id }): Item => ({ type: 'function_call_output', call_id, output: 'done' }));
    const rest = { model, tools: flat, tool_choice: 'none' as const, max_output_tokens: 10 };
    const byId = await client.responses.create({ ...rest, input: results, previous_response_id: answer.id });
    const byItems = await client.responses.create({ ...rest, input: [{ role: 'user', content: 'Light!' }, ...(answer.output as Item[]), ...results] });
    holds(byId.output_text.length > 0 && byId.usage!.input_tokens > answer.usage!.input_tokens, 'an answer to the results');
    equal([byItems.output_text, byItems.usage!.input_tokens], [byId.output_text, byId.usage!.input_tokens], 'the same with the items');
    const third = await client.responses.create({ ...rest, input: 'Thanks.', previous_response_id: byId.id });
    holds(third.usage!.input_tokens > byId.usage!.input_tokens, 'a third round');
  },

  async 'answers in the form of a schema, whole and streamed, in chats and in responses'(client) {
    let whole = 0;
    for (const [seed, name] of some.entries()) {
      const schema = schemas[name] as Record<string, unknown>;
      const params = { model, messages: asked, temperature: 1, seed, max_completion_tokens: 120 };
      const response_format = { type: 'json_schema' as const, json_schema: { name: 'answer', schema } };
      const { choices: [{ message, finish_reason }] } = await client.chat.completions.create({ ...params, response_format });
      if (finish_reason === 'length') continue;
      whole++;
      fits(name, message.content!);
    }
    holds(whole > some.length / 2, `${whole} of ${some.length} answers are whole`);
    const format = { type: 'json_schema' as const, name: 'answer', schema: schemas['a list within bounds'] as Record<string, unknown> };
    const params = { model, input: 'Light!', temperature: 1, seed: 4, text: { format } } as Asked;
    const { output_text: text, status } = await client.responses.create(params);
    equal(status, 'completed', 'the status');
    fits('a list within bounds', text);
    let streamed = '';
    for await (const event of await client.responses.create({ ...params, stream: true }))
      if (event.type === 'response.output_text.delta') streamed += event.delta;
    equal(streamed, text, 'the same by its seed, streamed');
    const object = await client.chat.completions.create({
      model, messages: asked, temperature: 1, seed: 6, max_completion_tokens: 120, response_format: { type: 'json_object' },
    });
    const { message: { content }, finish_reason } = object.choices[0];
    if (finish_reason === 'stop') holds(typeof JSON.parse(content!) === 'object', `an object: ${content}`);
    else holds(content!.trimStart().startsWith('{'), `the beginning of an object: ${content}`);
  },
};

/** With windrow's parameters, which OpenAI's types do not have. */
type Asked = OpenAI.Responses.ResponseCreateParamsNonStreaming;
