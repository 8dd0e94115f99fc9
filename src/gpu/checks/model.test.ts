// What the checks of a model compare: every row and token of a workgroup of the kernels that it is to run.
import { expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { openModel } from '../../engine/load/opened.ts';
import { readHeader } from '../../gguf/read.ts';
import { kvFormat } from '../../kv/formats/catalogue.ts';
import { type KernelChoice, plainChoice } from '../../model/choices/kernel-choice.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { modelChecks } from './model.ts';

/** Names of the cases of a check, which tell their sizes. */
async function casesOf(check: RegExp, choice: Partial<KernelChoice>, model = 'tiny-llama-k'): Promise<string[]> {
  const { graph, header } = await openModel(await readHeader(bytesSource(fixture(`tiny/${model}.gguf`), 'tiny')));
  const all = modelChecks({ graph, choice: { ...plainChoice, ...choice }, kv: kvFormat('f16'), typeOf: (tensor) => header.tensors.get(tensor)!.type });
  const found = all.filter(({ name }) => check.test(name)).flatMap(({ cases }) => cases.map(({ name }) => name));
  expect(found.length).toBeGreaterThan(0);
  return found;
}

it.each<[string, RegExp, Partial<KernelChoice>, RegExp]>([
  ['decode of a panel', /^matvec /, { panels: 1 }, /(^| )36(\+36)* x \d+, 1 tokens/],
  ['decode of half a panel', /^matvec /, { splits: 8, panels: 0.5 }, /(^| )36(\+36)* x \d+, 1 tokens/],
  ['decode of four panels', /^matvec /, { panels: 4 }, /(^| )132(\+132)* x \d+, 1 tokens/],
  ['decode of activations that are shared', /^matvec shared8 /, { splits: 1, panels: 1, dot: 'shared8' }, /(^| )68(\+68)* x \d+, 1 tokens/],
  ['few rows', /^matvec-few /, { few: 4 }, / 8 tokens/],
  ['rows', /^matvec-rows /, { prefill: 'rows' }, /(^| )132(\+132)* x \d+, 33 tokens/],
  ['broadcast', /^matvec-broadcast /, { prefill: 'broadcast4' }, /(^| )132(\+132)* x \d+, 33 tokens/],
  ['wide', /^matvec-wide /, { prefill: 'wide8' }, /(^| )68(\+68)* x \d+, 65 tokens/],
  ['tiles', /^matmul /, { prefill: 'tile' }, /(^| )68(\+68)* x \d+, 65 tokens/],
  ['attention', /^attention[ ,]/, {}, /4\/2 heads of 64, 33 tokens/],
  ['attention in parts', /^attention by parts/, { part: 16 }, /4\/2 heads of 64, 33 tokens/],
  ['attention of several rows to a thread', /^attention-wide/, { prefill: 'wide8' }, /4\/2 heads of 64, 17 tokens/],
])('%s', async (_, check, choice, sizes) => {
  expect((await casesOf(check, choice)).filter((name) => !sizes.test(name))).toEqual([]);
});

it.each<[string, RegExp, RegExp, number]>([
  ['gate and up', /^matvec (?!that).* as up/, /as up/, 1],
  ['down', /^matvec (?!that).* as down/, /as down/, 1],
  ['the product behind attention', /^matvec that joins splits/, /beside others/, 2],
])('%s with what it shares a bind group, and as it runs where it cannot', async (_, check, shared, among) => {
  const names = await casesOf(check, { joined: 1 }, 'tiny-llama-f16');
  const [own, alone] = [names.filter((name) => shared.test(name)), names.filter((name) => !shared.test(name))];
  expect(own.length).toBe(among * alone.length);
});
