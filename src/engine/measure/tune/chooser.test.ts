// Steps of a prompt that turn out far longer than they were chosen for, as on another card that tells the same of itself.
import { expect, it } from 'vitest';
import { fixture } from '../../../../test/models/fixture.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { type KernelCache } from '../../../gpu/kernels.ts';
import { readHeader } from '../../../gguf/read.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { plainChoice } from '../../../model/choices/kernel-choice.ts';
import { bytesSource } from '../../../weights/source/source.ts';
import { openModel } from '../../load/opened.ts';
import { createChooser } from './chooser.ts';
import { productsOf } from './kinds.ts';
import { type AdapterNotes } from './tuning.ts';

it.each([
  [64, 1000, 64], // nothing is shorter
  [256, 290, 256],
  [256, 310, 512], // to be measured again, with room for all
])('steps of %i tokens of which a layer takes %i ms: the next load plans with %i', async (chunk, layerMs, planned) => {
  const opened = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-k.gguf'), 'model')));
  const gpu = { adapterName: 'a GPU', features: {}, matrixUnits: [], device: { lost: new Promise(() => {}), limits: {} } } as unknown as Gpu;
  const chunks = Object.fromEntries([productsOf(opened), 'of another model'].map((products) => [products, { chunk, of: 512 }]));
  let kept: AdapterNotes = { kernels: '', decode: {}, prefill: {}, few: {}, checks: {}, chunks };
  const tuning = { get: async () => structuredClone(kept), set: async (_: string, notes: AdapterNotes) => void (kept = structuredClone(notes)) };
  const create = () => createChooser(gpu, { hash: '' } as KernelCache, opened, { choice: plainChoice, kv: kvFormat('f32') }, tuning);
  await (await create()).stepTook(layerMs);
  expect((await (await create()).first()).choice.chunk).toBe(planned);
  expect(kept.chunks).toHaveProperty(['of another model']);
});

it('steps that turn out long keep what another tab has measured meanwhile, of this model too', async () => {
  const opened = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-k.gguf'), 'model')));
  const gpu = { adapterName: 'a GPU', features: {}, matrixUnits: [], device: { lost: new Promise(() => {}), limits: {} } } as unknown as Gpu;
  const products = productsOf(opened);
  let kept: AdapterNotes = { kernels: '', decode: {}, prefill: {}, few: {}, checks: {}, chunks: { [products]: { chunk: 256, of: 512 } } };
  const tuning = { get: async () => structuredClone(kept), set: async (_: string, notes: AdapterNotes) => void (kept = structuredClone(notes)) };
  const create = () => createChooser(gpu, { hash: '' } as KernelCache, opened, { choice: plainChoice, kv: kvFormat('f32') }, tuning);
  const [one, other] = [await create(), await create()];
  kept.decode = { 'of another tab': { splits: 4 } };
  await one.stepTook(400);
  expect(kept.chunks ?? {}).toEqual({});
  expect(kept.decode).toEqual({ 'of another tab': { splits: 4 } });
  kept.chunks = { [products]: { chunk: 128, of: 512 } };
  await other.stepTook(400);
  expect(kept.chunks).toEqual({ [products]: { chunk: 128, of: 512 } });
});
