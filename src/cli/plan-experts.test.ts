// Of a mixture with ReLU gates both ways are foretold, each by what it used itself here.
import { expect, it } from 'vitest';
import { fakeDevice } from '../../test/doubles/fake-device.ts';
import { fixture } from '../../test/models/fixture.ts';
import { hasColumns } from '../weights/layout.ts';
import { openModel } from '../engine/load/opened.ts';
import { plan } from '../engine/load/plan/plan.ts';
import { type ModelOptions } from '../engine/load/options.ts';
import { readHeader } from '../gguf/read.ts';
import { type Gpu } from '../gpu/device.ts';
import { kvFormat } from '../kv/formats/catalogue.ts';
import { bytesSource } from '../weights/source/source.ts';
import { type Uses } from '../weights/stream/items/uses.ts';
import { otherWay, wayWords } from './plan-experts.ts';

const gpu = { device: fakeDevice().device, maxBindingBytes: 2 ** 27, computes: false } as unknown as Gpu;
const options = { context: 256, chunk: 16, logitsRows: 1, kv: kvFormat('f16'), choice: {}, sequences: 1 } as unknown as ModelOptions;
const headerOf = (path: string) => readHeader(bytesSource(fixture(path), path));
const mixture = 'sparse/stories-smallthinker.q8_0.gguf';

it.each([['neurons', 'whole'], ['whole', 'neurons']] as const)('where %s are read, by those of %s, and by their uses', async (experts, other) => {
  const header = await headerOf(mixture);
  const { layout } = await openModel(header, { neurons: other === 'neurons' });
  const pools = layout.sections.flatMap(({ pool }, section) => (pool ? [section] : []));
  const used: Uses = Array.from({ length: 40 }, () => pools.map((section) => [section, 0, 1])).flat();
  const asked: string[] = [];
  const uses = { get: async (key: string) => (asked.push(key), used), set: async () => {} };
  const most = plan(await openModel(header, { neurons: other === 'neurons' }), {
    ...options, budgetBytes: 2 ** 40, maxBufferBytes: 2 ** 28, maxBindingBytes: 2 ** 27,
  }).totalBytes;
  const how = { choice: options.choice, kv: options.kv };
  const found = (await otherWay({ uses }, header, gpu, { experts }, { ...options, budgetBytes: 0.7 * most }, how))!;
  expect(found).toMatchObject({ experts: other, onDemand: { byUse: true, of: other === 'neurons' ? 'neurons' : 'experts' } });
  expect(asked.map((key) => key.endsWith('|neurons'))).toEqual([hasColumns(layout)]);
  expect(wayWords(found)).toContain(`the other way (--experts ${other}):`);
  const unused = await otherWay({}, header, gpu, { experts }, { ...options, budgetBytes: 0.7 * most }, how);
  expect(unused!.onDemand.byUse).toBe(false);
});

it('is none of a model without such experts', async () => {
  const header = await headerOf('tiny/tiny-qwen3moe.gguf');
  const how = { choice: options.choice, kv: options.kv };
  expect(await otherWay({}, header, gpu, {}, { ...options, budgetBytes: 2 ** 20 }, how)).toBeUndefined();
});
