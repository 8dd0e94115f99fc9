// What is taken in place of kernels that failed their self-test at an earlier load.
import { expect, it } from 'vitest';
import { fixture } from '../../../../test/models/fixture.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { type KernelCache } from '../../../gpu/kernels.ts';
import { readHeader } from '../../../gguf/read.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { type KernelChoice, plainChoice } from '../../../model/choices/kernel-choice.ts';
import { bytesSource } from '../../../weights/source/source.ts';
import { openModel } from '../../load/opened.ts';
import { provenChoice } from './proven.ts';

const gpu = {
  adapterName: 'a GPU', features: {}, smallestSubgroup: 0, matrixUnits: [],
  device: { lost: new Promise(() => {}), limits: { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: 16384 } },
} as unknown as Gpu;

/** The choice for a mixture where the checks of these names are known to have failed. */
async function chosenWithout(choice: KernelChoice, failed: string[]) {
  const opened = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-qwen3moe.gguf'), 'model')));
  const notes = { checks: Object.fromEntries(failed.map((name) => [name, 'does not compile'])) };
  const book = { notes: { kernels: '', decode: {}, prefill: {}, few: {}, ...notes }, save: async () => {}, begin: async () => true };
  const untuned = { ...plainChoice, splits: 8 };
  return (await provenChoice(gpu, {} as KernelCache, opened, { choice, kv: kvFormat('f32') }, untuned, book)).chosen.choice;
}

const experts = 'experts Q8_0+Q8_0+Q8_0 64x256 silu';

it('takes fewer threads to a row of experts where a kernel of more fails, in decode and in prefill', async () => {
  const tuned: KernelChoice = { ...plainChoice, splits: 32, panels: 0.25, few: 4 };
  expect(await chosenWithout(tuned, [])).toMatchObject({ splits: 32, panels: 0.25, few: 4 });
  expect(await chosenWithout(tuned, [`${experts}, decode, 8 splits`])).toMatchObject({ splits: 4, panels: 1, few: 4 });
  expect(await chosenWithout(tuned, [`${experts}, prefill, 4 splits`])).toMatchObject({ splits: 32, panels: 0.25, few: 0 });
});

it('refuses a model of whose kernels all fail that there are to choose from', async () => {
  const all = [8, 4, 2, 1].map((splits) => `${experts}, decode, ${splits} splits`);
  await expect(chosenWithout({ ...plainChoice, splits: 8 }, all)).rejects.toThrow(/there is no other that could be used/);
});
