// What SmolLM2 finds again of nine records when it has read them as episodes (EpiCache), at a quarter of the slots: the setting of the reference programs
// (words of a record behind its beginning, each after the right ones before it), which found 0.79 again with an episode for each record and 0.42 with three.
// In the full run, as each episode reads the whole text.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { argmax } from '../../../src/distribution.ts';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { type Runner, createRunner } from '../../../src/engine/run/runner.ts';
import { cluster } from '../../../src/engine/sessions/cluster.ts';
import { readEpisode } from '../../../src/engine/sessions/episode.ts';
import { adapterFile } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { openBytes, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull, record as recordValue } from '../../verified.ts';

interface Probes {
  /** Tokens of a record that a question has. */
  given: number;
  records: { prompt: number[]; records: number[][] }[];
}

const { given, records: texts } = jsonFixture<Probes>('kv/probes.json');
const [window, asked, prefixLength] = [32, 7, 2];

/** What a text begins with, and parts of equal lengths, each of which ends with a record and two tokens more; what is behind the last is left out. */
function partsOf({ prompt, records }: Probes['records'][number]): { prefix: number[]; parts: number[][] } {
  const length = 75 + records[0].length + 2;
  const parts = records.map((_, i) => prompt.slice(prefixLength + i * length, prefixLength + (i + 1) * length));
  return { prefix: prompt.slice(0, prefixLength), parts };
}

/** Of each asked word of a record 1 if it is the likeliest behind those before it. */
async function ask(runner: Runner, record: readonly number[], from: number): Promise<number[]> {
  const right: number[] = [];
  await runner.feed(record.slice(0, given), from);
  for (let at = given; at < given + asked; at++) {
    right.push(Number(argmax(await runner.readLogits()) === record[at]));
    await runner.feed([record[at]], from + at);
  }
  return right;
}

/** Of each asked word of a text's records 1 if it is told right, with so many episodes of the text, each read once. */
async function recallOf(model: LoadedModel, text: Probes['records'][number], episodes: number): Promise<number[]> {
  const { prefix, parts } = partsOf(text);
  const { medoids, nearest } = await cluster(parts, episodes);
  const [first, ...others] = parts;
  const blocks = [[...prefix, ...first], ...others];
  const length = blocks.flat().length;
  const right: number[] = [];
  for (const [episode, medoid] of medoids.entries()) {
    const mine = text.records.filter((record) => nearest(record.slice(0, given)) === episode);
    if (!mine.length) continue;
    const sequence = model.createSequence();
    const runner = createRunner(model).of(sequence);
    await readEpisode({ sequence, inTurn: (_, work) => work(runner) }, blocks, parts[medoid].slice(-window));
    for (const record of mine) {
      right.push(...(await ask(runner, record, length)));
      sequence.truncate(length);
    }
    sequence.close();
  }
  return right;
}

const isRun = adapterFile && defaultModelPath && isFull;

it.skipIf(!isRun)('SmolLM2 finds records again in episodes at a quarter of the slots', { timeout: 3_600_000 }, async () => {
  const model = await openBytes(await sharedGpu(), new Uint8Array(readFileSync(defaultModelPath!)), {
    choice: { ...testChoice, splits: 1, prefill: 'broadcast4' }, chunk: 128, logitsRows: 1, context: 1024,
    policy: { name: 'epicache', options: { share: 0.25, window, chunk: 128 } },
  });
  const recall: Record<number, number> = {};
  for (const episodes of [9, 3]) {
    const right: number[] = [];
    for (const text of texts) right.push(...(await recallOf(model, text, episodes)));
    expect(right).toHaveLength(texts.length * 9 * asked);
    recall[episodes] = right.reduce((a, b) => a + b, 0) / right.length;
  }
  recordValue({
    point: 'SmolLM2 in episodes at a quarter of the slots: recall', command: 'npx vitest run --project gpu test/gpu/model/episodes-smollm2-gpu.test.ts',
    value: { 'nine episodes': recall[9].toFixed(2), three: recall[3].toFixed(2) },
  });
  expect(recall[9]).toBeGreaterThanOrEqual(0.71);
  expect(recall[3]).toBeGreaterThanOrEqual(0.34);
  expect(recall[3]).toBeLessThan(recall[9]);
  await model.destroy();
});
