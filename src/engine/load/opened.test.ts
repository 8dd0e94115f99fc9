// How a model is read: as it is stored, else as a load asks for it.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { randomAdapter } from '../../../test/models/adapter.ts';
import { memoryStore } from '../../../test/doubles/memory-store.ts';
import { openFiles } from '../../gguf/files.ts';
import { type Op } from '../../model/graph.ts';
import { type Project } from '../../model/ops/project.ts';
import { type LoadOptions } from '../../protocol.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { type Manifest, type Store } from '../../weights/store/store.ts';
import { draftOptions } from './draft.ts';
import { type OpenedLine, holdsFor } from './line.ts';
import { type OpenedModel, openAs, openedWith } from './opened.ts';
import { ensureStored } from './weights.ts';

const kindsOf = ({ graph: { layers } }: OpenedModel): string[] => layers[0].map(({ op }) => op).slice(-2);
const filesOf = (path: string) => openFiles([bytesSource(fixture(path), path)]);
const open = async (path: string, options: LoadOptions = {}, manifest?: Manifest) =>
  openAs((await filesOf(path)).header, manifest, options);

/** As a load with these options stores it. */
async function stored(path: string, options: Pick<LoadOptions, 'experts' | 'activation'> = {}, store: Store = memoryStore()): Promise<Manifest> {
  const found = { files: await filesOf(path), addresses: [] };
  return ensureStored({ store }, options, found, await openAs(found.files.header, undefined, options), { report: () => {} });
}

const llama = 'tiny/tiny-llama-legacy.gguf';
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
    await expect(open(mixture, { experts: 'neurons' }, whole)).rejects.toThrow('is stored to be read by whole experts. Leave `experts` out');
    await expect(open(mixture, { experts: 'whole' }, neurons)).rejects.toThrow('is stored to be read by single neurons. Leave `experts` out');
    await expect(open('tiny/tiny-qwen3moe.gguf', { experts: 'neurons' })).rejects.toThrow('which this model does not have');
    const dense = await stored(llama);
    await expect(open(llama, { experts: 'neurons' }, dense)).rejects.toThrow('which this model does not have');
  });
});

it('an activation is kept with a model that was stored with it', async () => {
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

it('an activation that contradicts how a model is stored is refused, when it is opened', async () => {
  const byColumns = 'tiny/tiny-llama-f16.gguf';
  const manifest = await stored(byColumns, { activation: 'relu' });
  expect(manifest.columns).toBe(true);
  await expect(open(byColumns, { activation: 'silu' }, manifest)).rejects.toThrow('asked for is the activation silu. Leave `activation` out, or delete');
});

it('an activation that is no default makes another model of a file', async () => {
  const activationOf = async (path: string, activation?: 'relu' | 'silu') => (await open(path, { activation })).activation;
  expect(await Promise.all([activationOf(llama), activationOf(llama, 'silu'), activationOf(llama, 'relu')])).toEqual([undefined, undefined, 'relu']);
  expect(await activationOf('tiny/tiny-llama-relu.gguf', 'relu')).toBeUndefined(); // the file says it
});

it('words that the options do not have are refused, whoever gives them', async () => {
  await expect(open(llama, { activation: 'gelu' as never })).rejects.toThrow('activation is "gelu"; it must be one of silu, relu.');
  await expect(open(mixture, { experts: 'neuron' as never })).rejects.toThrow('experts is "neuron"; it must be one of whole, neurons.');
});

it('a model that drafts is read as its own file says', async () => {
  const options = draftOptions({ experts: 'neurons', activation: 'relu', context: 64 });
  expect(options).toMatchObject({ context: 64, experts: undefined, activation: undefined });
  expect(kindsOf(await open(llama, options))).toEqual(kindsOf(await open(llama)));
});

it('a model that is opened does not hold for a load that reads it otherwise', () => {
  const source = { url: 'https://example.org/a.gguf' };
  const holds = (options: LoadOptions, others: LoadOptions) => holdsFor({ source, options } as OpenedLine, source, others);
  expect(holds({ activation: 'relu', experts: 'neurons' }, { activation: 'relu', experts: 'neurons' })).toBe(true);
  expect([holds({}, { activation: 'relu' }), holds({ experts: 'whole' }, { experts: 'neurons' })]).toEqual([false, false]);
});

it('with adapters a model is stored by rows, to which they are added; one that is stored by columns refuses those of its neurons', async () => {
  const relu = 'tiny/tiny-llama-relu.gguf';
  const up = 'blk.0.ffn_up.weight';
  const [cols, rows] = (await filesOf(relu)).header.tensors.get(up)!.shape;
  const { bytes } = randomAdapter({ architecture: 'llama', rank: 4, alpha: 8, tensors: { [up]: [rows, cols] } });
  const adapters = [{ source: { bytes: bytes.buffer, name: 'a.gguf' } }];
  const adapted = async (options: LoadOptions, manifest?: Manifest) => openedWith(await open(relu, options, manifest), { adapters });
  expect((await adapted({ adapters })).graph.layers[0].flatMap((op) => (op as Project).adapted ?? [])).toHaveLength(1);
  await expect(adapted({ adapters }, await stored(relu))).rejects.toThrow(`a.gguf has matrices for ${up}, of which the stored model is read by single neurons`);
});
