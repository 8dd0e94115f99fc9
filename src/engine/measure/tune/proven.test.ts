// What is taken in place of kernels that failed their self-test at an earlier load.
import { expect, it } from 'vitest';
import { fixture } from '../../../../test/models/fixture.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { type KernelCache } from '../../../gpu/kernels.ts';
import { modelChecks } from '../../../gpu/checks/model.ts';
import { readHeader } from '../../../gguf/read.ts';
import { kvFormat } from '../../../kv/formats/catalogue.ts';
import { choiceOf } from '../../../model/choices/choice-of-matrix.ts';
import { type KernelChoice, plainChoice } from '../../../model/choices/kernel-choice.ts';
import { bytesSource } from '../../../weights/source/source.ts';
import { type OpenedModel, openModel } from '../../load/opened.ts';
import { kindsOf, testable } from './kinds.ts';
import { provenChoice } from './proven.ts';
import { openNotebook } from './tuning.ts';

const gpu = {
  adapterName: 'a GPU', features: {}, smallestSubgroup: 0, matrixUnits: [],
  device: { lost: new Promise(() => {}), limits: { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: 16384 } },
} as unknown as Gpu;

const open = async (name: string) => openModel(await readHeader(bytesSource(fixture(`tiny/${name}.gguf`), 'model')));

/** What is made of a choice for a model by what is known of checks. */
async function proven(opened: OpenedModel, choice: KernelChoice, checks: Record<string, string>) {
  const book = await openNotebook(undefined, gpu, '', choice);
  book.notes.checks = checks;
  const untuned = { ...plainChoice, splits: 8 };
  return provenChoice(gpu, {} as KernelCache, opened, { choice, kv: kvFormat('f32') }, untuned, book);
}

/** The choice for a mixture where the checks of these names are known to have failed. */
const chosenWithout = async (choice: KernelChoice, failed: string[]) =>
  (await proven(await open('tiny-qwen3moe'), choice, Object.fromEntries(failed.map((name) => [name, 'does not compile'])))).chosen.choice;

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

it.each([0, 4])('where f16 is unpacked wrongly drops that alone, though every kernel of such weights fails: few=%i', async (few) => {
  const opened = await open('tiny-gpt-oss');
  const tuned: KernelChoice = { ...plainChoice, splits: 8, panels: 2, prefill: 'tile', few, halves: 'unpack', registers: 64 };
  const checks = modelChecks(testable(opened, { choice: tuned, kv: kvFormat('f32') }));
  expect(checks.some(({ name }) => name === 'halves of MXFP4')).toBe(true);
  const failed = checks.filter(({ name }) => name.includes('MXFP4')).map(({ name }) => [name, 'error 1.00e+0']);
  const { chosen, warnings } = await proven(opened, tuned, Object.fromEntries(failed));
  expect(chosen.choice).toEqual({ ...tuned, halves: 'integers' });
  expect(warnings).toEqual([expect.stringMatching(/^halves=unpack is not used; halves=integers is instead, as the kernel "halves of MXFP4" fails/)]);
});

it('takes nothing that the device lacks, though its checks passed once, as the same adapter may offer less', async () => {
  const opened = await open('tiny-qwen3moe');
  const tuned: KernelChoice = { ...plainChoice, prefill: 'matrix-f16-8x8x8-8' };
  const passed = modelChecks(testable(opened, { choice: tuned, kv: kvFormat('f32') })).map(({ name }) => [name, '']);
  const { chosen, warnings } = await proven(opened, tuned, Object.fromEntries(passed));
  const kinds = [...new Set([...kindsOf(opened).values()].flat())];
  expect(kinds.map((kind) => choiceOf(chosen.choice, kind).prefill)).toEqual(kinds.map(() => 'rows'));
  expect(warnings).toEqual([expect.stringMatching(/^prefill=matrix-f16-8x8x8-8 is not used; prefill=rows is instead, .* no such subgroup matrices$/)]);
});
