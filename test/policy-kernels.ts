// Every kernel of policies of keys and values: those of their ticks, which run here without a GPU, and what attention is recorded with.
import { RequestError } from '../src/errors.ts';
import { type KernelSpec } from '../src/gpu/kernels.ts';
import { type KvFormat } from '../src/kv/formats/format.ts';
import { type KvLayer, type KvSet, type KvTick } from '../src/kv/policy.ts';
import { policies, shapeWithin } from '../src/kv/policies/catalogue.ts';
import { type Shape } from '../src/kv/shape.ts';
import { cachesOf, segmentBytes } from '../src/kv/segment.ts';
import { type Graph } from '../src/model/graph.ts';

const prompt = 256;

const buffer = (label: string, size = 0) => ({ label, size }) as GPUBuffer;

/** Layers without a slot in sets yet. */
function layersOf(graph: Graph, { plan, format, attended }: Shape): KvLayer[] {
  return cachesOf(graph.config).map((heads, layer) => ({
    layer, heads, ...attended[layer], lists: buffer('lists'), queries: buffer('queries'), books: buffer('books'), picked: buffer('picked'),
    fresh: { format, pages: buffer('fresh', segmentBytes(heads, prompt, format)), planes: buffer('planes') },
    sets: plan.layers[layer].map((set, index): KvSet => ({
      index, format: set.format, pages: buffer('pages'), planes: buffer('planes'), summaries: buffer('summaries'),
      size: set.pick?.sizes && set.pick.each,
      counts: new Uint32Array(heads.kvHeads), room: new Uint32Array(heads.kvHeads), tails: new Uint32Array(heads.kvHeads),
    })),
  }));
}

/** The kernels of a tick in each phase, of a policy in a conversation of two prompts. */
async function kernelsOfTicks(graph: Graph, shape: Shape): Promise<KernelSpec[]> {
  const specs: KernelSpec[] = [];
  const { plan, options, policy } = shape;
  const layers = layersOf(graph, shape);
  let base = 0;
  let since = 0;
  const none = () => undefined;
  for (const [phase, length] of [['chunk', 64], ['prompt', 128], ['decode', 160], ['prompt', prompt]] as const) {
    const kv: KvTick = {
      phase, length, base, since, queried: 0, promptLength: length, plan, options, layers,
      dispatch: ({ kernel }) => void specs.push(kernel),
      scratch: buffer, makeRoom: () => Promise.resolve(), whole: (layer) => Promise.resolve(layer), setPicks: none, write: none, copy: none, rest: none,
      setLow: (set) => void Object.assign(set, { isLow: true }),
      setSize: (set, size) => Promise.resolve(void Object.assign(set, { size })),
      setCounts: (set, counts) => set.counts.set(counts), advance: (to) => (base = to),
      read: (_, bytes) => Promise.resolve(new ArrayBuffer(bytes)),
    };
    await policy.tick(kv);
    since = length;
  }
  return specs;
}

/** What `make` gives; undefined where a policy refuses fresh slots in q8, of which it seals none. */
async function unlessRefused<T>({ name }: KvFormat, make: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof RequestError && name === 'q8') return undefined;
    throw error;
  }
}

/** With fresh slots in a format; of a policy that is not for it none. `attention`: what a model of that shape is recorded with. */
export async function policyKernels(graph: Graph, format: KvFormat, attention: (shape: Shape) => KernelSpec[]): Promise<KernelSpec[]> {
  const { layers, kvHeads } = graph.config;
  const retrieval = Array.from({ length: layers }, (_, layer) => Array.from({ length: kvHeads }, (_, head) => (layer + head) % 2));
  const room = { context: prompt, chunk: 64, budgetBytes: Infinity, format, sequences: 1, retrieval };
  const specs: KernelSpec[] = [];
  for (const { name, options } of policies.values()) {
    const settings: Record<string, number>[] = [
      {}, ...('bits' in options ? [{ bits: 2 }] : []), ...('gather' in options ? [{ gather: 1, positions: 1 }] : []),
      ...('lag' in options ? [{ lag: 1 }] : []), ...('away' in options ? [{ away: 1 }] : []),
    ];
    for (const given of settings) {
      // A rank for which these prompts are long enough.
      const shape = await unlessRefused(format, () => shapeWithin(graph, name, { ...given, ...('rank' in options && { rank: 32 }) }, room));
      if (!shape) continue;
      specs.push(...attention(shape), ...((await unlessRefused(format, () => kernelsOfTicks(graph, shape))) ?? []));
    }
  }
  return specs;
}
