// How much of what the processor attends to lies beside the GPU's work, on a made-up clock: asked by a layer's own query, each layer waits; asked a layer
// ahead, the first one alone.
import { expect, it } from 'vitest';
import { type TimedPass, madeUpClock, within } from '../../../../test/doubles/made-up-clock.ts';
import { type Dispatch } from '../../../gpu/program.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { createAnswers } from '../../../kv/tiers/answers.ts';
import { type AwayBytes } from '../../../kv/tiers/away-bytes.ts';
import { type AwayLayer } from '../../../kv/tiers/away-layer.ts';
import { type PageHome } from '../../../kv/tiers/page-home.ts';
import { createReading } from '../../../kv/tiers/reading.ts';
import { type Shape } from '../../../kv/shape.ts';
import { attend } from '../../../model/ops/attend.ts';
import { type LoadedModel } from '../../load/load.ts';
import { stagesIn } from '../../load/stages.ts';
import { type Piece, createSubmits } from './submits.ts';

const layers = 8;
const heads = { kvHeads: 1, headDim: 8 };
const format = kvFormat('f32');
/** Milliseconds on the GPU of parts of a layer; for the processor to attend to one; and for a query to come to it. */
const [query, front, attention, join, rest] = [0.5, 1, 1, 0.5, 7];
const [attends, reads] = [6, 2];

interface Timed extends Pick<Dispatch, 'label' | 'asks' | 'joins' | 'apart'> {
  ms: number;
}

/** A layer's dispatches as src/engine/load/query-ahead.ts and model/ops/attend.ts have them. */
function dispatchesOf(layer: number, isAhead: boolean): Timed[] {
  const asksNext = isAhead && layer + 1 < layers;
  const isAsked = isAhead && layer > 0;
  return [
    ...(asksNext ? [{ label: 'query.ahead', ms: query }] : []),
    { label: 'front', ms: front, ...(asksNext && { asks: layer + 1 }) },
    { label: 'attend', ms: attention, ...(isAsked ? { apart: true } : { asks: layer }) },
    { label: 'reduce', ms: join, joins: layer },
    { label: 'rest', ms: rest },
  ];
}

const piecesOf = (isAhead: boolean): Piece[] => Array.from({ length: layers }, (_, layer) => layer).flatMap((section) => {
  const dispatches = dispatchesOf(section, isAhead).map((each) => ({ ...each, bindings: {} }) as unknown as Dispatch);
  return stagesIn(dispatches, {}).map(({ run, ...stage }) => ({
    ...stage, section,
    program: { encode: (pass: GPUComputePassEncoder) => run.forEach((each) => ((pass as unknown as TimedPass).ms += (each as unknown as Timed).ms)) },
  }));
});

/** Runs a token on two pages of each layer. */
async function token(isAhead: boolean) {
  const clock = madeUpClock(reads);
  const { device } = clock;
  const answered = isAhead ? { ahead: true } : {};
  const shape = {
    attended: Array.from({ length: layers }, () => ({ queryHeads: 1, scale: 1 })), format,
    plan: { queries: 1, layers: Array.from({ length: layers }, () => [{ mostSlots: [64] }]) },
  } as unknown as Shape;
  const all = Array.from({ length: layers }, (_, layer) => ({
    layer, heads, pick: { first: 0 }, answered, at: 8 * layer, words: 8,
    sets: { all: [{ counts: [64], tails: [64] }], queries: { buffer: device.createBuffer({ size: 32, usage: 0 }) } },
  }) as unknown as AwayLayer);
  const ways = Array.from({ length: isAhead ? 2 : 1 }, (_, i) => {
    const queries = device.createBuffer({ label: `queries ${i}`, size: 32 * layers, usage: 0 });
    return { reading: createReading(queries), queries };
  });
  const home = {
    pageInMemory() {
      clock.work(attends / 2);
      return new Uint8Array(4 * format.words(heads.headDim));
    },
  } as unknown as PageHome;
  const bytes = { answerAt: all.map(({ layer }) => ({ offset: 256 * layer, size: 256 })) } as unknown as AwayBytes;
  const answers = createAnswers({ device, home, shape, layers: () => all, ways, answers: device.createBuffer({ size: 256 * layers, usage: 0 }) }, bytes);
  const away = { answers, ready: () => answers.settled(), note() {}, submitted() {} };
  const model = {
    sizes: { chunk: 64 }, gpu: { device }, activations: { state: { buffer: device.createBuffer({ size: 32, usage: 0 }) } },
    planned: { chosen: { options: {} } },
    sections: Array.from({ length: layers }, (_, layer) => ({ ops: [{ op: attend({ layer, scale: 1 }) }] })),
  } as unknown as LoadedModel;
  const step = { rows: 1, length: 70, of: { shaped: { away, queried: { willRun() {} } } } };
  const ms = await clock.until(createSubmits(model).run(piecesOf(isAhead), [[step]]));
  expect(answers.counters.answers).toBe(layers);
  return { ms, beside: within(clock.processor, clock.gpu) / (layers * attends) };
}

it('by its own query each layer waits, and the processor attends beside the attention of the GPU alone', async () => {
  const { ms, beside } = await token(false);
  expect(ms).toBeCloseTo(layers * (front + reads + attends + join + rest), 6);
  expect(beside).toBe(0); // attention has ended when a query is there
});

it('a layer ahead the first layer waits, and what the processor attends to lies beside the work of the GPU', async () => {
  const { ms, beside } = await token(true);
  const [computed, first] = [layers * (front + attention + join + rest) + (layers - 1) * query, reads + 2 * attends];
  expect(ms).toBeLessThanOrEqual(computed + first);
  expect(beside).toBeCloseTo((layers - 2) / layers, 6); // the second layer is asked before the first one
});
