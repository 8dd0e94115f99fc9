// Guesses that are asked for where nothing can be guessed, from headers alone: refused or told.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { type Gpu } from '../../gpu/device.ts';
import { type KernelCache } from '../../gpu/kernels.ts';
import { readHeader } from '../../gguf/read.ts';
import { checkedChoice, plainChoice } from '../../model/choices/kernel-choice.ts';
import { type SpeculationOptions } from '../../protocol.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { unguessed } from '../info.ts';
import { chosenAs } from './chosen.ts';
import { openModel } from './opened.ts';
import { optionsFor } from './options.ts';
import { planModel } from './plan/planned.ts';
import { smallestBudget } from './plan/refusal.ts';

const stories = 'stories260K/stories260K.gguf';
const recurrent = 'tiny/tiny-mamba2.gguf';
const gpu = { device: { limits: { maxBufferSize: 2 ** 28 } }, maxBindingBytes: 2 ** 27 } as Gpu;

async function asked(path: string, speculation?: SpeculationOptions, budgetBytes?: number) {
  const opened = await openModel(await readHeader(bytesSource(fixture(path), path)));
  return { opened, options: await optionsFor(opened, gpu, { speculation, budgetBytes, context: 320 }, plainChoice) };
}

async function planned(...how: Parameters<typeof asked>) {
  const { opened, options } = await asked(...how);
  return planModel(chosenAs(gpu, opened, options, {} as KernelCache));
}

const draft = { bytes: new ArrayBuffer(0) };

describe('guesses that cannot be', () => {
  it('are refused where a model is to write them and the bytes for them have no room for one', async () => {
    const { opened: { graph: { config: { vocab, dim } } } } = await asked(stories);
    const least = 4 * (vocab + dim);
    for (const [name, given] of [['draft', { draft }], ['shortContext', { shortContext: 128 }]] as const) {
      const message = `speculation.budgetBytes is 0; a guess takes ${least} bytes, so speculation.${name} would guess nothing.`;
      await expect(asked(stories, { ...given, budgetBytes: 0 })).rejects.toThrow(message);
      await expect(asked(stories, { ...given, budgetBytes: least - 1 })).rejects.toThrow(`Raise it, or leave ${name} out.`);
      await expect(asked(stories, { ...given, budgetBytes: least })).resolves.toBeDefined();
      await expect(asked(recurrent, given)).rejects.toThrow(`speculation.${name} is given; the model has a recurrent state`);
    }
  });

  it('are told of where they cost nothing', async () => {
    expect(unguessed(await planned(stories))).toEqual([]);
    expect(unguessed(await planned(recurrent))).toEqual([]);
    expect(unguessed(await planned(stories, {}))).toEqual([]);
    const { plan: { logitsRows }, chosen: { opened: { graph: { config: { vocab, dim } } } } } = await planned(stories);
    expect(logitsRows).toBe(8);
    const aGuess = 4 * (vocab + dim);
    expect(unguessed(await planned(stories, { budgetBytes: aGuess }))).toEqual([]);
    const tooFew = `speculation.budgetBytes is ${aGuess - 1}, and a guess takes ${aGuess} bytes`;
    expect(unguessed(await planned(stories, { budgetBytes: aGuess - 1 }))).toEqual([expect.stringContaining(tooFew)]);
    const rounding = { ...plainChoice, prefill: 'tile', tile: 'f16' } as const;
    expect(unguessed(await planned(stories, {}), rounding)).toEqual([expect.stringContaining('the kernel for a few rows fails')]);
    expect(unguessed(await planned(stories, {}), checkedChoice(rounding, 8))).toEqual([]);
    expect(unguessed(await planned(recurrent, {}))).toEqual([expect.stringContaining('the model has a recurrent state')]);
    const { opened, options } = await asked(stories, {});
    const least = smallestBudget(opened, { ...options, chunk: 16, logitsRows: 1 });
    expect(unguessed(await planned(stories, {}, least))).toEqual([expect.stringContaining('no room for the logits of several tokens')]);
  });
});
