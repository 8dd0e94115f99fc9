// Models whose weights do not stay, on Dawn, from their files: how tests of budgets open, load, ask and close them.
import { expect } from 'vitest';
import { chosenAs } from '../src/engine/load/chosen.ts';
import { type LoadedModel, loadModel } from '../src/engine/load/load.ts';
import { type OpenedModel, openModel } from '../src/engine/load/opened.ts';
import { type ModelOptions } from '../src/engine/load/options.ts';
import { planModel } from '../src/engine/load/plan/planned.ts';
import { createRunner } from '../src/engine/run/runner.ts';
import { difference } from '../src/engine/run/transfers.ts';
import { readHeader } from '../src/gguf/read.ts';
import { type ByteSource } from '../src/gguf/source.ts';
import { kvFormat } from '../src/kv/formats/catalogue.ts';
import { type ModelFileOptions } from '../src/model/architecture.ts';
import { type TransferStats } from '../src/protocol.ts';
import { bytesSource } from '../src/weights/source/source.ts';
import { type WeightsReader, sourceReader } from '../src/weights/store/reader.ts';
import { fixture } from './models/fixture.ts';
import { kernelsOf, sharedGpu, testChoice } from './models/model.ts';

export const options: ModelOptions = { budgetBytes: Infinity, context: 256, chunk: 64, logitsRows: 1, choice: testChoice, kv: kvFormat('f32') };

export interface Opened {
  opened: OpenedModel;
  reader: WeightsReader;
}

export async function open(source: ByteSource, how?: ModelFileOptions): Promise<Opened> {
  const opened = await openModel(await readHeader(source), how);
  return { opened, reader: sourceReader(source, opened.header, opened.layout) };
}

export const openFixtureFile = (path: string, how?: ModelFileOptions): Promise<Opened> => open(bytesSource(fixture(path), path), how);

/** On the device that tests of a file share. */
export async function load({ opened, reader }: Opened, more: Partial<ModelOptions>): Promise<LoadedModel> {
  const gpu = await sharedGpu();
  return loadModel(planModel(chosenAs(gpu, opened, { ...options, ...more }, kernelsOf(gpu))), reader);
}

/** A reader whose reads fail while `broken` says so. */
export function failing(reader: WeightsReader, broken: () => boolean): WeightsReader {
  const fails = () => {
    if (broken()) throw new Error('The disk is gone.');
  };
  return {
    ...reader,
    readSlab: async (...args) => (fails(), reader.readSlab(...args)),
    readRange: async (...args) => (fails(), reader.readRange(...args)),
  };
}

/** A prompt of two chunks, then greedy tokens: ids, the logits after the prompt, and what was transferred for each further token. */
export async function answer(model: LoadedModel, promptTokens: number, newTokens: number, runner = createRunner(model)) {
  const { vocab } = model.graph.config;
  const prompt = Array.from({ length: promptTokens }, (_, i) => (1 + i * 7919) % vocab);
  await runner.feed(prompt, 0);
  const logits = await runner.readLogits();
  const greedy = await model.samplerFor({ seed: 0 });
  const ids = [(await runner.sample(greedy, prompt.length)).id];
  const perToken: TransferStats[] = [];
  while (ids.length < newTokens) {
    const before = runner.transfer();
    ids.push((await runner.step(greedy, prompt.length + ids.length - 1)).id);
    perToken.push(difference(runner.transfer(), before));
  }
  return { ids, logits, perToken, runner };
}

export async function close(model: LoadedModel): Promise<void> {
  await model.destroy();
  expect(Object.values(model.ledger.bytes).filter(Boolean)).toEqual([]);
}
