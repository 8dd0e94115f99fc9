import { expect, test } from 'vitest';
import { fixture } from '../../../../test/models/fixture.ts';
import { BudgetError } from '../../../errors.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { type KernelCache } from '../../../gpu/kernels.ts';
import { readHeader } from '../../../gguf/read.ts';
import { plainChoice } from '../../../model/choices/kernel-choice.ts';
import { bytesSource } from '../../../weights/source/source.ts';
import { chosenAs } from '../chosen.ts';
import { openModel } from '../opened.ts';
import { optionsFor } from '../options.ts';
import { type KnownMemory, defaultBudget, loadByGuess } from './default-budget.ts';
import { type PlannedModel, planModel } from './planned.ts';

const GiB = 2 ** 30;

test.each<[string, number, KnownMemory, number]>([
  ['half of a small memory', 2 * GiB, { deviceMemory: 4 }, 2 * GiB],
  ['no more than 4 GiB in a page, however much memory there is', 4 * GiB, { deviceMemory: 32 }, 4 * GiB],
  ['4 GiB where the browser does not tell', 2 * GiB, {}, 4 * GiB],
  ['1 GiB where it does not tell and allows small buffers only, as on phones', GiB, {}, GiB],
  ['eight buffers of a device that allows small ones only', 2 ** 28, { deviceMemory: 8 }, 2 * GiB],
  ["half of the machine's memory on the command line", 4 * GiB, { memoryBytes: 48 * GiB }, 24 * GiB],
  ['... also of a small one', 4 * GiB, { memoryBytes: 4 * GiB }, 2 * GiB],
  ['... in eight buffers at most', GiB, { memoryBytes: 48 * GiB }, 8 * GiB],
  ['... and in software as in a page', 4 * GiB, { memoryBytes: 48 * GiB, software: true }, 4 * GiB],
])('the budget when nobody names one is %s', (_, maxBufferSize, memory, bytes) => expect(defaultBudget({ maxBufferSize }, memory)).toBe(bytes));

/** Of stories260K, with a made-up model that drafts. */
async function plannedWithDraft(): Promise<PlannedModel> {
  const gpu = { device: { limits: { maxBufferSize: 2 ** 28 } }, maxBindingBytes: 2 ** 27 } as Gpu;
  const opened = await openModel(await readHeader(bytesSource(fixture('stories260K/stories260K.gguf'), 'stories')));
  const options = await optionsFor(opened, gpu, { context: 256 }, plainChoice);
  const draft = { plan: { totalBytes: 2 ** 18 } } as PlannedModel;
  return planModel(chosenAs(gpu, opened, { ...options, draft }, {} as KernelCache));
}

test('a guessed budget shrinks until what is loaded within an attempt, with what drafts for it, has room', async () => {
  const planned = await plannedWithDraft();
  const room = 0.9 * planned.plan.totalBytes;
  const tried: PlannedModel[] = [];
  const loaded = await loadByGuess(planned, async (at) => {
    tried.push(at);
    if (at.plan.totalBytes > room) throw new BudgetError('no memory left', { code: 'gpu_out_of_memory' });
    return at;
  });
  expect(tried).toHaveLength(2);
  expect(loaded.chosen.options.draft).toBe(planned.chosen.options.draft);
  expect(loaded.plan.bytes.draft).toBe(2 ** 18);
  const refuse = async () => {
    throw new BudgetError('less is not enough', { code: 'over_budget' });
  };
  await expect(loadByGuess(planned, refuse)).rejects.toThrow('less is not enough');
});
