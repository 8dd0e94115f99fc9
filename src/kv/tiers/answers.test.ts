// Which layers are asked within a token, and what of an index is left where an abort ends its making, on a GPU that computes nothing.
import { expect, it } from 'vitest';
import { fakeDevice } from '../../../test/doubles/fake-device.ts';
import { kvFormat } from '../formats/catalogue.ts';
import { type AnswerPlan } from '../policy.ts';
import { type Shape } from '../shape.ts';
import { createAnswers } from './answers.ts';
import { type AwayBytes } from './away-bytes.ts';
import { type AwayLayer } from './away-layer.ts';
import { type PageHome } from './page-home.ts';
import { createReading } from './reading.ts';

const format = kvFormat('f32');
const heads = { kvHeads: 1, headDim: 8 };

/** Answers of layers of one head. */
function answering(answered: AnswerPlan, layers = 1, slots = 512) {
  const { device } = fakeDevice();
  const buffer = (size: number) => device.createBuffer({ size, usage: 0 });
  const shape = {
    attended: Array.from({ length: layers }, () => ({ queryHeads: 1, scale: 1 })), format,
    plan: { queries: 1, layers: Array.from({ length: layers }, () => [{ mostSlots: [slots] }]) },
  } as unknown as Shape;
  const queries = buffer(4 * 8 * layers);
  const of = Array.from({ length: layers }, (_, layer) => ({
    layer, heads, pick: { first: 0 }, answered, at: 8 * layer, words: 8,
    sets: { all: [{ counts: [slots], tails: [slots] }], queries: { buffer: buffer(32) } },
  }) as unknown as AwayLayer);
  const home = { pageInMemory: () => new Uint8Array(4 * format.words(heads.headDim)) } as unknown as PageHome;
  const bytes = { answerAt: of.map(({ layer }) => ({ offset: 256 * layer, size: 256 })) } as unknown as AwayBytes;
  const ways = [{ reading: createReading(queries), queries }];
  const answers = createAnswers({ device, home, shape, layers: () => of, ways, answers: buffer(256 * layers) }, bytes);
  return { answers, ask: (layer: number) => (answers.ask(device.createCommandEncoder(), layer, 0), answers.asked()) };
}

it('with a lag layers are asked where there is no query of the token before, and only then', async () => {
  const { answers, ask } = answering({ lag: true }, 2);
  expect(answers.asks).toBe(true);
  for (const [words, asked] of [[undefined, 2], [new Uint32Array(16), 0], [undefined, 2]] as const) {
    await answers.late(words);
    expect(answers.asks).toBe(asked > 0);
    const before = answers.counters.answers;
    for (const layer of [0, 1]) {
      ask(layer);
      await answers.answer(layer);
    }
    expect(answers.counters.answers - before).toBe(asked);
  }
});

it('without a lag layers are always asked', async () => {
  const { answers } = answering({});
  await answers.late(new Uint32Array(8));
  expect(answers.asks).toBe(true);
});

it('an abort ends the making of an index: all slots are attended to', async () => {
  const slots = 4096; // which take longer than others wait for their turn
  const { answers, ask } = answering({ index: { share: 0.1, least: 32 } }, 2, slots);
  const stop = new AbortController();
  setTimeout(() => stop.abort()); // has its turn within the first layer
  await answers.ticked({ phase: 'prompt', length: slots, since: 0, queried: 0, signal: stop.signal });
  expect(answers.counters.index).toMatchObject({ keys: 0, bytes: 0 });
  ask(0);
  await answers.answer(0);
  expect(answers.counters).toMatchObject({ slots, scored: slots });
  await answers.ticked({ phase: 'prompt', length: slots, since: 0, queried: 0 });
  expect(answers.counters.index!.keys).toBe(2 * slots);
});

it('an abort ends answers that come late: layers are asked then', async () => {
  const { answers } = answering({ lag: true }, 2, 40_000);
  await answers.late(new Uint32Array(16));
  expect(answers.asks).toBe(false);
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error('stopped'))); // has its turn within the first layer
  await expect(answers.late(new Uint32Array(16), stop.signal)).rejects.toThrow('stopped');
  expect(answers.asks).toBe(true);
});

it('others have turns, and an abort is heard, while what an index finds is attended to', async () => {
  const { answers, ask } = answering({ index: { share: 1, least: 32 } });
  await answers.ticked({ phase: 'prompt', length: 512, since: 0, queried: 0 });
  const signal = AbortSignal.abort(new Error('stopped'));
  const many = async (): Promise<void> => {
    for (let i = 0; i < 5000; i++) {
      ask(0);
      await answers.answer(0, signal);
    }
  };
  await expect(many()).rejects.toThrow('stopped');
  expect(answers.counters.scored).toBeGreaterThanOrEqual(1024 * 32);
  expect(answers.counters.scored).toBeLessThan(1024 * 32 + 512);
});

it('nothing is read back for an index that no text can be long enough for', async () => {
  const { answers } = answering({ index: { share: 1, least: 513 } });
  await answers.ticked({ phase: 'prompt', length: 512, since: 0, queried: 0 });
  expect(answers.counters.index).toBeUndefined();
});
