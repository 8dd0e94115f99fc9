import { expect, test } from 'vitest';
import { RequestError } from '../../errors.ts';
import { samplingFields } from '../../model/sampling/sampler.ts';
import { toChatRequests, toCompletionRequests } from './parameters.ts';

const messages = [{ role: 'user' as const, content: 'Hello' }];
const [toChatRequest, toCompletionRequest] = [
  (params: Parameters<typeof toChatRequests>[0]) => toChatRequests(params)[0],
  (params: Parameters<typeof toCompletionRequests>[0]) => toCompletionRequests(params)[0],
];

test('bounds how many texts one request asks for', () => {
  expect(toCompletionRequests({ prompt: Array<string>(16).fill('a'), n: 128 })).toHaveLength(2048);
  const tooMany = { prompt: Array<string>(17).fill('a'), n: 128 };
  expect(() => toCompletionRequests(tooMany)).toThrow('17 prompts and n of 128 ask for 2176 texts at once; the most is 2048');
  expect(() => toCompletionRequests({ prompt: Array<string>(2049).fill('a') })).toThrow(RequestError);
});

test.each([
  [{ temperature: -1 }, 'temperature is -1; it must be a number from 0 to 2.'],
  [{ temperature: NaN }, 'temperature is NaN; it must be a number from 0 to 2.'],
  [{ temperature: '1' }, 'temperature is "1"; it must be a number from 0 to 2.'],
  [{ top_p: 0 }, 'top_p is 0; it must be a number above 0, at most 1.'],
  [{ top_k: 1.5 }, 'top_k is 1.5; it must be a whole number from 0 to 2147483647.'],
  [{ typical_p: -1 }, 'typical_p is -1; it must be a number from 0 to 1.'],
  [{ min_p: 2 }, 'min_p is 2; it must be a number from 0 to 1.'],
  [{ seed: -1 }, 'seed is -1; it must be a whole number from 0 to 4294967295.'],
  [{ max_tokens: 0 }, 'max_tokens is 0; it must be a whole number from 1 to 2147483647.'],
  [{ max_tokens: 1, max_completion_tokens: 2 }, 'max_tokens is 1 and max_completion_tokens is 2'],
  [{ stop: ['a', ''] }, 'stop has ""; each must be a text that is not empty.'],
  [{ stream: 'yes' }, 'stream is "yes"; it must be true or false.'],
  [{ messages: [] }, 'messages is []; it must be an array of at least one'],
  [{ messages: [{ role: 'me', content: '' }] }, 'messages[0].role is "me"; it must be one of system, developer, user, assistant, tool.'],
  [{ messages: [{ role: 'user', content: 3 }] }, 'messages[0].content is 3; it must be text'],
  [{ n: 0 }, 'n is 0; it must be a whole number from 1 to 128.'],
  [{ n: 1.5 }, 'n is 1.5; it must be a whole number from 1 to 128.'],
  [{ best_of: 2 }, 'The parameter best_of (2) is not supported.'],
  [{ tools: [{ type: 'function' }] }, 'tools[0] is {"type":"function"}; it must be'],
  [{ tools: [{ type: 'function', function: { name: 'a b' } }] }, 'tools[0] is called "a b"; a name has 1 to 64 letters'],
  [{ tools: [{ type: 'function', function: { name: 'a' } }, { type: 'function', function: { name: 'a' } }] }, 'Two tools are called a'],
  [{ tools: [{ type: 'function', function: { name: 'a', parameters: [] } }] }, 'The parameters of a are []'],
  [{ tools: [{ type: 'function', function: { name: 'a' } }], tool_choice: { type: 'function', function: { name: 'b' } } }, 'tool_choice names "b"'],
  [{ tools: [{ type: 'function', function: { name: 'a' } }], tool_choice: 'some' }, 'tool_choice is "some"; it must be'],
  [{ parallel_tool_calls: 1 }, 'parallel_tool_calls is 1'],
  [{ reasoning_format: 'x' }, 'reasoning_format is "x"'],
  [{ messages: [{ role: 'assistant', tool_calls: [{ id: 'x', function: { name: 'a', arguments: '{' } }] }] }, 'which is no JSON'],
  [{ tool_choice: 'required' }, 'tool_choice is required, but there are no tools.'],
  [{ response_format: { type: 'xml' } }, 'response_format is {"type":"xml"}; it must be'],
  [{ response_format: { type: 'json_object' }, grammar: 'root ::= "a"' }, 'an answer keeps to one of them'],
  [{ grammar: { gbnf: 'a' } }, 'grammar is {"gbnf":"a"}; it must be'],
  [{ repeat_penalty: 0 }, 'repeat_penalty is 0; it must be a number from 0.1 to 10.'],
  [{ frequency_penalty: 3 }, 'frequency_penalty is 3; it must be a number from -2 to 2.'],
  [{ presence_penalty: '1' }, 'presence_penalty is "1"; it must be a number from -2 to 2.'],
  [{ dry_multiplier: -1 }, 'dry_multiplier is -1; it must be a number from 0 to 100.'],
  [{ dry_base: 0.5 }, 'dry_base is 0.5; it must be a number from 1 to 100.'],
  [{ dry_allowed_length: 1.5 }, 'dry_allowed_length is 1.5; it must be a whole number from 0 to 1024.'],
  [{ dry_penalty_last_n: -2 }, 'dry_penalty_last_n is -2; it must be a whole number from -1 to 2147483647.'],
  [{ dry_sequence_breakers: '\n' }, 'dry_sequence_breakers is "\\n"; it must be a list of texts.'],
  [{ dry_sequence_breakers: ['a', ''] }, 'dry_sequence_breakers has ""; each must be a text that is not empty.'],
  [{ dry_sequence_breakers: Array(33).fill('a') }, 'dry_sequence_breakers has 33 texts; it may have 32.'],
  [{ mirostat: 2 }, 'The parameter mirostat (2) is not supported. Leave it out.'],
  [{ penalty_last_n: -2 }, 'penalty_last_n is -2; it must be a whole number from -1 to 2147483647.'],
  [{ logit_bias: { 5: -101 } }, 'logit_bias of token 5 is -101; it must be a number from -100 to 100.'],
  [{ logit_bias: { 5: null } }, 'logit_bias of token 5 is null; it must be a number from -100 to 100.'],
  [{ logit_bias: { the: 1 } }, 'logit_bias names the token "the"; it must be a token\'s id, a whole number.'],
  [{ logit_bias: [1] }, 'logit_bias is [1]; it must be an object of numbers by token id, as in { "262": -100 }.'],
  [{ logprobs: 5 }, 'logprobs is 5; it must be true or false. How many are listed is said by top_logprobs.'],
  [{ top_logprobs: 5 }, 'top_logprobs is 5 without logprobs. Give logprobs: true, or leave it out.'],
  [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs is 21; it must be a whole number from 0 to 20.'],
  [{ messages: [{ role: 'assistant', content: 'a', tool_calls: [{ id: 'x' }] }] }, 'messages[0].tool_calls[0] is {"id":"x"}; it must be'],
  [{ messages: [{ role: 'user', content: 'a', prefix: true }] }, 'messages[0].prefix is true; it may be true of the last message'],
  [{ messages: [{ role: 'assistant', content: 'a', prefix: true }] }, 'messages[0].prefix is true; it may be true of the last message'],
  [{ messages: [{ role: 'user', content: '3', tool_call_id: 'x' }] }, 'messages[0].tool_call_id is "x"; it must be text, of a message of the role tool'],
  [{ messages: [{ role: 'user', content: 'a', name: 'Ann' }] }, 'messages[0].name is "Ann"; it must be text, of a message of the role tool'],
])('refuses %j by name, value and bound', (params, message) => {
  const check = (): unknown => toChatRequest({ messages, ...params } as never);
  expect(check).toThrow(RequestError);
  expect(check).toThrow(message);
});

test('a temperature that the sampler would refuse is refused in its words', () => {
  const refusal = (check: () => unknown): string => {
    try {
      check();
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const early = refusal(() => toChatRequest({ messages, temperature: 1e-4 }));
  expect(early).toBe('temperature is 0.0001; the least above 0 is 0.001. Use 0 for the most likely token.');
  expect(early).toBe(refusal(() => samplingFields({ temperature: 1e-4 })));
  expect([0, 1e-3].map((temperature) => toChatRequest({ messages, temperature }).sampling?.temperature)).toEqual([0, 1e-3]);
});

test.each([
  { response_format: { type: 'text' } },
  { tools: [] },
  { tools: [], tool_choice: 'auto' },
  { tool_choice: 'none' },
  { logit_bias: {} },
  { logprobs: false, top_logprobs: 0 },
  { messages: [{ ...messages[0], name: null, tool_calls: [], refusal: null }] },
])('%j asks for nothing and is accepted', (params) => expect(toChatRequest({ messages, ...params } as never)).toEqual({ prompt: { messages }, sampling: {} }));

test('functions, which of them are called, and conversations in which they were', () => {
  const tool = { type: 'function' as const, function: { name: 'add', description: 'Adds.', parameters: { type: 'object' }, strict: true } };
  const other = { type: 'function' as const, function: { name: 'now' } };
  const add = { name: 'add', description: 'Adds.', parameters: { type: 'object' } };
  expect(toChatRequest({ messages, tools: [tool, other] }).tools).toEqual({ tools: [add, { name: 'now' }], required: false, parallel: true });
  const required = toChatRequest({ messages, tools: [tool, other], tool_choice: 'required', parallel_tool_calls: false });
  expect(required.tools).toMatchObject({ required: true, parallel: false });
  expect(toChatRequest({ messages, tools: [tool, other], tool_choice: { type: 'function', function: { name: 'add' } } }).tools).toEqual({
    tools: [add], required: true, parallel: false,
  });
  expect(toChatRequest({ messages, tools: [tool], tool_choice: 'none' }).tools).toBeUndefined();
  const call = { id: 'c1', type: 'function' as const, function: { name: 'add', arguments: '{"a": 1}' } };
  const asked = [
    { role: 'assistant' as const, content: null, tool_calls: [call], reasoning_content: 'Hm.' },
    { role: 'tool' as const, content: '3', tool_call_id: 'c1', name: 'add' },
  ];
  expect(toChatRequest({ messages: asked }).prompt).toEqual({
    messages: [{ ...asked[0], content: '', tool_calls: [{ ...call, function: { name: 'add', arguments: { a: 1 } } }] }, asked[1]],
  });
});

test('DRY by its names, where there is something to take off', () => {
  const given = { dry_multiplier: 0.8, dry_base: 1.5, dry_allowed_length: 3, dry_penalty_last_n: 64, dry_sequence_breakers: ['.'] };
  const dry = { multiplier: 0.8, base: 1.5, allowedLength: 3, last: 64, breakers: ['.'] };
  expect(toChatRequest({ messages, ...given }).sampling).toMatchObject({ dry });
  expect(toChatRequest({ messages, ...given, dry_multiplier: 0 }).sampling!.dry).toBeUndefined();
});

test('penalties, biases and log-probabilities by their names', () => {
  const given = { repeat_penalty: 1.1, frequency_penalty: 0.5, presence_penalty: -0.5, penalty_last_n: -1, logit_bias: { 262: -100 } };
  const sampling = { repeatPenalty: 1.1, frequencyPenalty: 0.5, presencePenalty: -0.5, penaltyLast: -1, logitBias: { 262: -100 } };
  expect(toChatRequest({ messages, ...given, logprobs: true }).sampling).toEqual({ ...sampling, logprobs: 0 });
  expect(toChatRequest({ messages, ...given, logprobs: true, top_logprobs: 3 }).sampling).toEqual({ ...sampling, logprobs: 3 });
  expect(toCompletionRequest({ prompt: 'Once', ...given, logprobs: 0 }).sampling).toEqual({ ...sampling, logprobs: 0 });
});

test('variables of the chat template are taken as JSON has them', () => {
  expect(toChatRequest({ messages, chat_template_kwargs: { enable_thinking: false, left: undefined } }).prompt).toStrictEqual({
    messages,
    variables: { enable_thinking: false },
  });
  expect(toChatRequest({ messages, chat_template_kwargs: null }).prompt).toEqual({ messages });
  for (const wrong of ['x', [1], 3, { n: 3n }])
    expect(() => toChatRequest({ messages, chat_template_kwargs: wrong } as never)).toThrow(/chat_template_kwargs .* must be an object of JSON/);
});

test('a developer speaks as the system', () =>
  expect(toChatRequest({ messages: [{ role: 'developer', content: 'Be short.' }, ...messages] }).prompt).toEqual({
    messages: [{ role: 'system', content: 'Be short.' }, ...messages],
  }));

test('null, and the value that asks for nothing, mean absent', () => {
  const request = toChatRequest({ messages, temperature: null, stop: null, frequency_penalty: null, n: 1 } as never);
  expect(request).toEqual({ prompt: { messages }, sampling: {} });
});

test('a raw prompt is one text, or the token ids of one', () => {
  expect(toCompletionRequest({ prompt: 'Once', max_tokens: 3, stop: '\n', temperature: 0.5, best_of: 1, echo: false, logprobs: null } as never)).toEqual({
    prompt: { text: 'Once' },
    maxTokens: 3,
    stop: ['\n'],
    sampling: { temperature: 0.5 },
  });
  expect(toCompletionRequest({ prompt: [1, 403] })).toEqual({ prompt: { tokens: [1, 403] }, sampling: {} });
});

test.each([
  [{ prompt: undefined }, 'prompt is undefined; it must be a text, the token ids of one, or a list of these.', 'invalid_request'],
  [{ prompt: [1, -2] }, 'prompt is [1,-2]; it must be a text', 'invalid_request'],
  [{ prompt: [] }, 'prompt is []; it must be a text', 'invalid_request'],
  [{ max_tokens: 0 }, 'max_tokens is 0; it must be a whole number from 1', 'invalid_request'],
  [{ logprobs: 21 }, 'logprobs is 21; it must be a whole number from 0 to 20.', 'invalid_request'],
  [{ logprobs: true }, 'logprobs is true; it must be a whole number from 0 to 20.', 'invalid_request'],
  [{ echo: 1 }, 'echo is 1; it must be true or false.', 'invalid_request'],
  [{ best_of: 2 }, 'The parameter best_of (2) is not supported.', 'unsupported_parameter'],
  [{ suffix: 'the end' }, 'The parameter suffix ("the end") is not supported.', 'unsupported_parameter'],
  [{ messages }, 'The parameter messages ([{"role":"user","content":"Hello"}]) is not supported.', 'unsupported_parameter'],
])('refuses %j of a raw completion', (params, message, code) => {
  expect(() => toCompletionRequest({ prompt: 'Once', ...params } as never)).toThrow(
    expect.objectContaining({ name: 'RequestError', code, message: expect.stringContaining(message) }),
  );
});

test('several choices are a request each, those of a prompt with the same prompt and their number', () => {
  expect(toChatRequests({ messages, n: 3, seed: 5, max_tokens: 4 })).toEqual(
    [undefined, 1, 2].map((choice) => ({ prompt: { messages }, sampling: { seed: 5 }, maxTokens: 4, choice })),
  );
  const requests = toCompletionRequests({ prompt: ['Once', 'Twice'], n: 2 });
  expect(requests.map(({ prompt, choice = 0 }) => [prompt, choice])).toEqual([
    [{ text: 'Once' }, 0],
    [{ text: 'Once' }, 1],
    [{ text: 'Twice' }, 0],
    [{ text: 'Twice' }, 1],
  ]);
  expect(requests[0].prompt).toBe(requests[1].prompt);
  expect(toCompletionRequests({ prompt: [[1, 2], [3]] }).map(({ prompt }) => prompt)).toEqual([{ tokens: [1, 2] }, { tokens: [3] }]);
  for (const prompt of [[], ['a', 3], [[1], []], [1, -1], {}])
    expect(() => toCompletionRequests({ prompt } as never)).toThrow('it must be a text, the token ids of one, or a list of these');
});

test('a request may say how urgent it is, and what it wishes in time', () => {
  const wishes = (more: object) => toChatRequests({ messages, ...more })[0];
  expect(wishes({ priority: -3, targets: { first_token_ms: 200, token_ms: 50 } })).toMatchObject({ priority: -3, targets: { firstTokenMs: 200, tokenMs: 50 } });
  expect(wishes({ targets: { token_ms: 50 } }).targets).toEqual({ tokenMs: 50 });
  expect(wishes({ priority: null, targets: {} })).toMatchObject({ priority: undefined, targets: undefined });
  expect(() => wishes({ priority: 1.5 })).toThrow('priority is 1.5');
  expect(() => wishes({ targets: { token_ms: 0 } })).toThrow('targets.token_ms is 0');
  expect(() => wishes({ targets: { tokens_ms: 5 } })).toThrow('targets has "tokens_ms"');
  expect(() => wishes({ targets: 'soon' })).toThrow('targets is "soon"');
});

test('what is done where the context ends', () => {
  const overflow = (context_overflow: unknown, max_tokens?: number) => toChatRequests({ messages, context_overflow, max_tokens } as never)[0].overflow;
  expect([overflow(null), overflow('error'), overflow('truncate'), overflow('shift', 9)]).toEqual([undefined, 'error', 'truncate', 'shift']);
  expect(() => overflow('shift')).toThrow('might never end');
  expect(() => overflow('slide')).toThrow('must be error, truncate or shift');
});

test('what is done where a raw text fills the context', () => {
  const overflow = (context_overflow: unknown, more: object = { max_tokens: 9 }) =>
    toCompletionRequests({ prompt: 'a', context_overflow, ...more } as never)[0].overflow;
  expect([overflow(null), overflow('error'), overflow('shift')]).toEqual([undefined, 'error', 'shift']);
  expect(() => overflow('shift', {})).toThrow('context_overflow is "shift" without max_tokens');
  expect(() => overflow('shift', { max_tokens: 9, echo: true })).toThrow('with echo');
  expect(() => overflow('truncate')).toThrow('a raw prompt has no turns to leave out; it must be error or shift.');
  expect(() => overflow('slide')).toThrow('context_overflow is "slide"; it must be error or shift.');
});
