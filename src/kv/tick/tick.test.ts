// What ticks ask of a GPU, without one: no more bytes than were planned, grids that every device takes, and the newest slots where not all stay.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { openModel } from '../../engine/load/opened.ts';
import { readHeader } from '../../gguf/read.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { kvFormat } from '../formats/catalogue.ts';
import { policies, shapeWithin } from '../policies/catalogue.ts';
import { type KvLayer, type KvSet, type KvTick, type TickWork } from '../policy.ts';
import { cachesOf } from '../segment.ts';
import { appendWithBounds } from './read.ts';

const retrieval = [[0.9, 0.1], [0.2, 0.8]];
const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
const format = kvFormat('f16');
const bufferOf = (size: number): GPUBuffer => ({ size }) as GPUBuffer;

interface Asked {
  works: TickWork[];
  /** Most bytes of scratch and of what it is read by, together. */
  scratchBytes: number;
  planned: number;
}

/** What a policy, or `tick` in its place, asks for at the end of a prompt, whose tokens are all fresh slots of rings that have all they may grow to. */
async function asked(name: string, length: number, options: Record<string, number> = {}, tick = policies.get(name)!.tick): Promise<Asked> {
  const own = Object.fromEntries(Object.entries(options).filter(([option]) => option in policies.get(name)!.options));
  const shape = shapeWithin(graph, name, own, { context: length, chunk: 256, budgetBytes: Infinity, format, sequences: 1, retrieval });
  const { plan } = shape;
  const layers = cachesOf(graph.config).map((heads, layer): KvLayer => {
    const sets = plan.layers[layer].map((set, index): KvSet => ({
      index, format: set.format, pages: bufferOf(0), planes: bufferOf(0), counts: new Uint32Array(heads.kvHeads), room: new Uint32Array(heads.kvHeads),
      tails: new Uint32Array(heads.kvHeads), summaries: bufferOf(0),
    }));
    const pages = bufferOf((shape.ringSlots / 32) * heads.kvHeads * 4 * format.words(heads.headDim));
    return { layer, heads, ...shape.attended[layer], sets, lists: bufferOf(0), fresh: { format, pages, planes: bufferOf(0) }, queries: bufferOf(0) };
  });
  const works: TickWork[] = [];
  const scratch = new Map<string, number>();
  let most = 0;
  const note = (more = 0) => (most = Math.max(most, more + [...scratch.values()].reduce((a, b) => a + b, 0)));
  await tick({
    phase: 'prompt', length, base: Math.max(0, length - shape.ringSlots), since: Math.max(0, length - 64), queried: 0, promptLength: length, plan, layers,
    options: shape.options,
    dispatch: (work) => void works.push(work),
    scratch(buffer, bytes) {
      scratch.set(buffer, Math.max(bytes, scratch.get(buffer) ?? 0));
      note();
      return bufferOf(bytes);
    },
    makeRoom: () => Promise.resolve(),
    setCounts: (set, counts) => void set.counts.set(Array.from(counts)),
    setPicks() {},
    setLow: (set) => void Object.assign(set, { isLow: true }),
    setSize: (set, size) => Promise.resolve(void Object.assign(set, { size })),
    whole: (layer) => Promise.resolve(layer),
    advance() {},
    write() {},
    copy() {},
    rest() {},
    read(_, bytes) {
      note(bytes);
      return Promise.resolve(new ArrayBuffer(bytes));
    },
  } as KvTick);
  return { works, scratchBytes: most, planned: plan.scratchBytes ?? 0 };
}

describe.each([...policies.keys()])('%s', (name) => {
  it.each([128, 512])('takes no more scratch at the end of a prompt than was planned, with a window of 64, of %i tokens', async (length) => {
    const { scratchBytes, planned } = await asked(name, length, { window: 64 });
    expect(scratchBytes).toBeLessThanOrEqual(planned);
  });
});

it.each(['d2o', 'ems', 'elastic', 'kvmerger'])('%s merges more slots than a grid has workgroups in one dimension', async (name) => {
  const length = 70_016;
  const { works } = await asked(name, length, { share: 0.001 });
  const merging = works.filter(({ kernel: { kernel } }) => ['kv-merge', 'kv-join'].includes(kernel));
  expect(merging.length).toBeGreaterThan(0);
  for (const { grid: [x, , z = 1] } of merging) expect(x * z).toBeGreaterThanOrEqual(['kvmerger', 'elastic'].includes(name) ? length - 32 : length);
  for (const { label, grid } of works) expect(Math.max(...grid.map((size = 1) => size)), label).toBeLessThanOrEqual(65535);
});

it.each(['d2o', 'ems', 'mpcache'])('%s keeps the newest of its last slots where it keeps fewer than those', async (name) => {
  const { works } = await asked(name, 64, { share: 0.25, window: 32, observed: 48 });
  const ranks = works.filter(({ kernel: { kernel }, params }) => kernel === 'kv-rank' && !params.jointly);
  expect(ranks.length).toBeGreaterThan(0);
  for (const { params } of ranks) expect(params.last).toBe(params.keep);
});

it('bounds of layers that are to have fewer are replaced first, so that no more are there than of one prompt after the other', async () => {
  const sizes: [layer: number, size: number][] = [];
  await asked('leoam', 128, {}, (kv) => {
    kv.layers.forEach(({ sets: [set] }, layer) => void Object.assign(set, { size: [32, 16][layer] }));
    const setSize: KvTick['setSize'] = (set, size) => {
      sizes.push([kv.layers.findIndex(({ sets }) => sets.includes(set)), size]);
      return kv.setSize(set, size);
    };
    return appendWithBounds({ ...kv, setSize }, [16, 32]);
  });
  expect(sizes).toEqual([[1, 32], [0, 16]]);
});

it('shadowkv tells of what it decomposes, and ends where it is to', async () => {
  const { tick } = policies.get('shadowkv')!;
  const end = new Error('ended');
  let told = 0;
  const ticking = asked('shadowkv', 128, { rank: 16 }, (kv) => tick({
    ...kv, rest() {
      if (++told === 20) throw end;
    },
  }));
  await expect(ticking).rejects.toBe(end);
});
