// What is kept of a step where layers are cut, from headers alone.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../../test/models/fixture.ts';
import { families, recurrentFamilies } from '../../../../test/models/golden.ts';
import { llama8B } from '../../../../test/models/large-headers.ts';
import { readHeader } from '../../../gguf/read.ts';
import { type KernelChoice, plainChoice } from '../../../model/choices/kernel-choice.ts';
import { carriedOf } from '../../../model/activations.ts';
import { bytesSource } from '../../../weights/source/source.ts';
import { type OpenedModel, openModel } from '../opened.ts';
import { divisionsOf } from './division.ts';
import { heldAt } from './held.ts';

const open = async (name: string): Promise<OpenedModel> => openModel(await readHeader(bytesSource(fixture(`tiny/${name}.gguf`), name)));

/** At every cut of each of the divisions that streaming may take. */
const cutsOf = (opened: OpenedModel, choice?: KernelChoice) =>
  divisionsOf(opened, {}).map(({ order }) => heldAt(opened, order, {}, choice).map((names) => names.toSorted()));

const others: KernelChoice[] = [{
  splits: 8, panels: 2, prefill: 'tile', tile: 'f16', few: 4, dot: 'i8', reduce: 'subgroup', span: 64, threads: 32, part: 0, uniform: 0, turned: 1, joined: 1,
  chunk: 256,
}, {
  ...plainChoice, splits: 4, panels: 4, prefill: 'broadcast8', dot: 'table', span: 512, threads: 128, part: 64, uniform: 32, lanes: 4, joined: 1, chunk: 512,
}];

describe('what is held', () => {
  it('is what both sides of a cut use, of an 8B in three slices and in five', async () => {
    const [three, five] = cutsOf(await openModel(llama8B()));
    const ofLayer = (names: string[][]) => [...new Set(names.map((each) => each.join()))];
    // Before the gated product its normed input, within it that and both halves, before the last product the hidden numbers.
    expect(ofLayer(three)).toEqual(['x', 'normed,x', 'hidden,x']);
    expect(ofLayer(five)).toEqual(['x', 'normed,x', 'gated,normed,x', 'hidden,x', 'gated,x']);
  });

  it.each([...families, ...recurrentFamilies].map(({ name }) => name))('is the same for other kernels, of %s', async (name) => {
    const opened = await open(name);
    const plain = cutsOf(opened, plainChoice);
    for (const other of others) expect(cutsOf(await open(name), other)).toEqual(plain);
    for (const cut of plain.flat()) expect(cut).toEqual(expect.arrayContaining([...carriedOf(opened.graph)]));
    expect(Math.max(...plain.flat().map((cut) => cut.length))).toBeGreaterThan(carriedOf(opened.graph).length);
  });
});
