// Log-probabilities in OpenAI's shapes, whole and streamed, from what a worker tells.
import { expect, test } from 'vitest';
import { FakeWorker, generateStats } from '../../../test/doubles/fake-worker.ts';
import { type GenerateEvent, type GenerateRequest, type Token } from '../../protocol.ts';
import { type ChatCompletionChunk } from './chat.ts';
import { type CompletionChunk } from './completions.ts';
import { createEngine } from '../engine.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** `grün`, with the two bytes of `ü` in two tokens. */
const told: Token[] = [
  { id: 5, bytes: bytes('gr'), logprob: -0.25, top: [{ id: 5, bytes: bytes('gr'), logprob: -0.25 }, { id: 6, bytes: bytes('r'), logprob: -2 }] },
  { id: 7, bytes: Uint8Array.of(0xc3), logprob: -1, top: [{ id: 6, bytes: bytes('r'), logprob: -0.5 }, { id: 7, bytes: Uint8Array.of(0xc3), logprob: -1 }] },
  { id: 8, bytes: Uint8Array.of(0xbc), logprob: -3, top: [{ id: 9, bytes: bytes('n'), logprob: -0.125 }, { id: 6, bytes: bytes('r'), logprob: -4 }] },
];

async function open(requests: GenerateRequest[] = []) {
  const worker = new FakeWorker({
    async generate(request, port) {
      requests.push(request);
      const send = (event: GenerateEvent): void => port.postMessage(event);
      const { logprobs } = request.sampling!;
      const tokens = told.map((token): Token => (logprobs === undefined ? { id: token.id } : { ...token, top: token.top!.slice(0, logprobs) }));
      ['gr', '', 'ü'].forEach((text, i) => send({ type: 'tokens', tokens: [tokens[i]], text }));
      send({ type: 'tokens', tokens: [], text: 'n' });
      send({ type: 'done', reason: 'stop', stats: generateStats });
    },
    unload: async () => {},
  });
  return createEngine({ model: 'https://example.org/a.gguf', worker: worker as unknown as Worker });
}

const messages = [{ role: 'user' as const, content: 'Hello' }];

test('of a chat, with text and bytes of each token and of the most likely ones', async () => {
  const engine = await open();
  const { choices: [{ message, logprobs }] } = await engine.chat.completions.create({ messages, logprobs: true, top_logprobs: 2 });
  expect(message.content).toBe('grün');
  expect(logprobs).toEqual({
    refusal: null,
    content: [
      {
        token: 'gr',
        logprob: -0.25,
        bytes: [103, 114],
        top_logprobs: [
          { token: 'gr', logprob: -0.25, bytes: [103, 114] },
          { token: 'r', logprob: -2, bytes: [114] },
        ],
      },
      {
        token: '\ufffd',
        logprob: -1,
        bytes: [0xc3],
        top_logprobs: [
          { token: 'r', logprob: -0.5, bytes: [114] },
          { token: '\ufffd', logprob: -1, bytes: [0xc3] },
        ],
      },
      {
        token: '\ufffd',
        logprob: -3,
        bytes: [0xbc],
        top_logprobs: [
          { token: 'n', logprob: -0.125, bytes: [110] },
          { token: 'r', logprob: -4, bytes: [114] },
        ],
      },
    ],
  });
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of await engine.chat.completions.create({ messages, logprobs: true, top_logprobs: 2, stream: true })) chunks.push(chunk);
  expect(chunks.flatMap(({ choices }) => choices[0].logprobs?.content ?? [])).toEqual(logprobs!.content);
  expect(chunks.map(({ tokens = 0 }) => tokens)).toEqual([0, 1, 1, 1, 0, 0]);
});

test('of a chat that wants none listed, and of one that wants nothing', async () => {
  const requests: GenerateRequest[] = [];
  const engine = await open(requests);
  const { choices: [{ logprobs }] } = await engine.chat.completions.create({ messages, logprobs: true });
  expect(logprobs!.content.map(({ token, top_logprobs }) => [token, top_logprobs])).toEqual([['gr', []], ['\ufffd', []], ['\ufffd', []]]);
  expect((await engine.chat.completions.create({ messages })).choices[0].logprobs).toBeNull();
  expect(requests.map(({ sampling }) => sampling!.logprobs)).toEqual([0, undefined]);
});

test('of a raw completion, with bytes that are no text spelt out, and where each begins', async () => {
  const engine = await open();
  const expected = {
    tokens: ['gr', 'bytes:\\xc3', 'bytes:\\xbc'],
    token_logprobs: [-0.25, -1, -3],
    top_logprobs: [{ gr: -0.25, r: -2 }, { r: -0.5, 'bytes:\\xc3': -1 }, { n: -0.125, r: -4, 'bytes:\\xbc': -3 }],
    text_offset: [0, 2, 2],
  };
  expect((await engine.completions.create({ prompt: 'Once', logprobs: 2 })).choices[0]).toMatchObject({ text: 'grün', logprobs: expected });
  const chunks: CompletionChunk[] = [];
  for await (const chunk of await engine.completions.create({ prompt: 'Once', logprobs: 2, stream: true })) chunks.push(chunk);
  expect(chunks.flatMap(({ choices }) => choices[0].logprobs?.text_offset ?? [])).toEqual(expected.text_offset);
  expect((await engine.completions.create({ prompt: 'Once', logprobs: 0 })).choices[0].logprobs).toEqual({ ...expected, top_logprobs: undefined });
  expect((await engine.completions.create({ prompt: 'Once' })).choices[0].logprobs).toBeNull();
});
