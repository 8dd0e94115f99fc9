import { beforeAll, expect, test, vi } from 'vitest';
import { createEngine, type Engine } from '../../api/engine.ts';
import { FakeWorker, modelInfo, speaker } from '../../../test/doubles/fake-worker.ts';
import { DeviceError } from '../../errors.ts';
import { type GenerateEvent, type ModelInfo, type WorkerEngine } from '../../protocol.ts';
import { Conversation } from './conversation.ts';

beforeAll(() => {
  vi.stubGlobal('requestAnimationFrame', (then: () => void) => setTimeout(then, 1));
  vi.stubGlobal('cancelAnimationFrame', clearTimeout);
});

const host = { addController: () => {}, removeController: () => {}, requestUpdate: () => {}, updateComplete: Promise.resolve(true) };
const engineThat = (generate: WorkerEngine['generate'], info: Partial<ModelInfo> = {}): Promise<Engine> =>
  createEngine({
    model: 'https://example.org/a.gguf',
    worker: new FakeWorker({ generate, load: async () => ({ ...modelInfo, ...info }) }) as unknown as Worker,
  });

/** Says `words`, and then that the GPU is gone. */
const breaker = (...words: string[]): WorkerEngine['generate'] => async (_request, port) => {
  const send = (event: GenerateEvent): void => port.postMessage(event);
  words.forEach((text, i) => send({ type: 'tokens', tokens: [{ id: i }], text }));
  send({ type: 'error', name: 'DeviceError', message: 'The GPU was lost.' });
};

test('a whole answer is complete, and stays with its numbers', async () => {
  const conversation = new Conversation(host);
  expect(await conversation.ask(await engineThat(speaker(['The', ' sea'])), 'What?')).toEqual({ ended: 'complete', content: 'The sea' });
  expect(conversation.messages).toEqual([
    { role: 'user', content: 'What?' },
    { role: 'assistant', content: 'The sea', note: expect.stringContaining('3 tokens') },
  ]);
});

test('an answer that an error cuts off is told with its error, and what there is of it stays', async () => {
  const conversation = new Conversation(host);
  const outcome = await conversation.ask(await engineThat(breaker('The', ' sea')), 'What?');
  expect(outcome).toMatchObject({ ended: 'interrupted', content: 'The sea', error: new DeviceError('The GPU was lost.') });
  expect(conversation.error).toBe(outcome.error);
  expect(conversation.messages.at(-1)).toEqual({ role: 'assistant', content: 'The sea', note: 'Interrupted' });
});

test('an error before the first token takes the question back, and an edited one too', async () => {
  const conversation = new Conversation(host);
  await conversation.ask(await engineThat(speaker(['Blue'])), 'Why?');
  const before = conversation.messages;
  const engine = await engineThat(breaker());
  expect(await conversation.ask(engine, 'What?')).toMatchObject({ ended: 'none', content: '' });
  expect(await conversation.again(engine, 1, {}, 'Why not?')).toMatchObject({ ended: 'none' });
  expect(conversation.messages).toEqual(before);
});

test('a stop ends an answer as stopped, be it before the first token', async () => {
  const conversation = new Conversation(host);
  const engine = await engineThat(speaker(['The', ' sea', ' is', ' wide']));
  const asking = conversation.ask(engine, 'What?');
  conversation.stop();
  expect(await asking).toEqual({ ended: 'stopped', content: '' });
  expect(conversation.answering).toBe(false);
});

test('an answer that was left behind tells its own text, not that of the conversation opened meanwhile', async () => {
  const conversation = new Conversation(host);
  const engine = await engineThat(speaker(['The', ' sea', ' is', ' wide']));
  const first = conversation.ask(engine, 'What?');
  conversation.open([]);
  const second = conversation.ask(engine, 'And?');
  expect((await first).ended).toBe('left');
  expect(await second).toEqual({ ended: 'complete', content: 'The sea is wide' });
  expect(conversation.messages.map(({ content }) => content)).toEqual(['And?', 'The sea is wide']);
});

test('a chat that is not to think says so to the template, and one without a choice says nothing', async () => {
  const asked: unknown[] = [];
  const speak = speaker(['Blue']);
  const engineWith = (info: Partial<ModelInfo>): Promise<Engine> => engineThat((request, port) => {
    asked.push('messages' in request.prompt && request.prompt.variables);
    return speak(request, port);
  }, info);
  const answers = async (engine: Engine) => {
    const conversations = [false, true, undefined].map(() => new Conversation(host));
    for (const [i, think] of [false, true, undefined].entries()) await conversations[i].ask(engine, 'Why?', { think });
    return conversations.map(({ messages }) => messages.at(-1)!);
  };
  const thinking = { variable: 'thinking', unasked: false, promptEnd: { on: '<think>\n', off: '<think></think>' } };
  const [off, on, unasked] = await answers(await engineWith({ thinking, promptEnd: '<think></think>' }));
  expect(asked.splice(0)).toEqual([{ thinking: false }, { thinking: true }, undefined]);
  expect([off.content, on.reasoning, unasked.content]).toEqual(['Blue', 'Blue', 'Blue']);
  await answers(await engineWith({}));
  expect(asked).toEqual([undefined, undefined, undefined]);
});
