// How a model is read: as it is stored, else as a load asks for it.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { memoryStore } from '../../../test/doubles/memory-store.ts';
import { openFiles } from '../../gguf/files.ts';
import { type Op } from '../../model/graph.ts';
import { type LoadOptions } from '../../protocol.ts';
import { importModel } from '../../weights/import/import-job.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { type Manifest } from '../../weights/store/store.ts';
import { type OpenedModel, openAs } from './opened.ts';

const kindsOf = ({ graph: { layers } }: OpenedModel): string[] => layers[0].map(({ op }) => op).slice(-2);
const filesOf = (path: string) => openFiles([bytesSource(fixture(path), path)]);
const open = async (path: string, options: Pick<LoadOptions, 'experts' | 'activation'> = {}, manifest?: Manifest) =>
  openAs((await filesOf(path)).header, manifest, options);

/** As a load with these options stores it. */
async function stored(path: string, options: Pick<LoadOptions, 'experts' | 'activation'> = {}): Promise<Manifest> {
  const files = await filesOf(path);
  const { layout } = await openAs(files.header, undefined, options);
  const about = { id: path, name: 'Stories', urls: [], fingerprint: path, ...(options.activation && { activation: options.activation }) };
  return importModel({ ...files, layout, hostTensors: [] }, memoryStore(), about);
}

const mixture = 'sparse/stories-smallthinker.q8_0.gguf';

describe('experts with ReLU gates', () => {
  it('are read whole, or by neurons where that is asked for, and as they are stored where nothing is', async () => {
    expect(kindsOf(await open(mixture))).toContain('experts');
    expect(kindsOf(await open(mixture, { experts: 'whole' }))).toContain('experts');
    expect(kindsOf(await open(mixture, { experts: 'neurons' }))).toEqual(['expert-gates', 'neurons']);
    const manifests = await Promise.all([stored(mixture), stored(mixture, { experts: 'neurons' })]);
    expect(await Promise.all(manifests.map(async (manifest) => kindsOf(await open(mixture, {}, manifest))))).toEqual([
      ['project', 'experts'], ['expert-gates', 'neurons'],
    ]);
  });

  it('are refused where they are stored otherwise than is asked for, or there are none', async () => {
    const [whole, neurons] = await Promise.all([stored(mixture), stored(mixture, { experts: 'neurons' })]);
    await expect(open(mixture, { experts: 'neurons' }, whole)).rejects.toThrow('The model Stories is stored to be read by whole experts. Leave `experts` out');
    await expect(open(mixture, { experts: 'whole' }, neurons)).rejects.toThrow('The model Stories is stored to be read by single neurons. Leave `experts` out');
    await expect(open('tiny/tiny-qwen3moe.gguf', { experts: 'neurons' })).rejects.toThrow('which this model does not have');
  });
});

it('an activation is kept with a model that was stored with it', async () => {
  const llama = 'tiny/tiny-llama-legacy.gguf';
  const gateOf = async (...how: [Pick<LoadOptions, 'activation'>?, Manifest?]) =>
    (await open(llama, ...how)).graph.layers[0].flatMap(({ gate, gated }: Op & { gate?: string; gated?: object }) => gate ?? (gated ? ['neurons'] : []));
  expect(await gateOf()).toEqual(['silu']);
  const [manifest, plain] = [await stored(llama, { activation: 'relu' }), await stored(llama)];
  const asked = await gateOf({ activation: 'relu' });
  expect(asked).not.toEqual(['silu']);
  expect(await gateOf({}, manifest)).toEqual(asked);
  expect(await gateOf({}, plain)).toEqual(['silu']);
  expect(await gateOf({ activation: 'relu' }, plain)).toEqual(['relu']);
});
