// The buffers between operations: f32, a row per token of a step, rows padded to a multiple of 32 columns. The padding
// stays zero, so kernels may read whole groups of 32.
import { type Ledger } from '../gpu/ledger.ts';
import { type Activation, type Graph } from './graph.ts';
import { type Activations, partialsBytes } from './record.ts';
import { angleEntries, angleTable } from './rope.ts';

type Name = Activation | 'normed' | 'gated';

const pad32 = (n: number) => Math.ceil(n / 32) * 32;

/** Floats per row of each buffer. */
export function activationStrides({ config }: Graph): Record<Name, number> {
  const { dim, heads, kvHeads, headDim, ffn, vocab } = config;
  return {
    x: pad32(dim), normed: pad32(dim), branch: pad32(dim),
    qkv: pad32((heads + 2 * kvHeads) * headDim),
    query: heads * Math.ceil(headDim / 4) * 4,
    attended: pad32(heads * headDim),
    hidden: pad32(ffn), gated: 2 * pad32(ffn),
    logits: vocab,
  };
}

export interface ActivationSizes {
  /** Most tokens per step, a multiple of 64. */
  chunk: number;
  /** Rows of logits kept: 1, or `chunk` to read all of them. */
  logitsRows: number;
  /** Most positions. */
  context: number;
}

const rowsOf = (name: Name, { chunk, logitsRows }: ActivationSizes) => (name === 'logits' ? logitsRows : chunk);

/** Bytes of each buffer that `createActivations` makes. */
export function activationBindings(graph: Graph, sizes: ActivationSizes): Record<string, number> {
  const strides = Object.entries(activationStrides(graph)) as [Name, number][];
  return {
    ...Object.fromEntries(strides.map(([name, stride]) => [name, 4 * stride * rowsOf(name, sizes)])),
    angles: graph.ropes.reduce((sum, rope) => sum + 8 * angleEntries(rope, sizes.context), 0),
    partials: partialsBytes(graph.config, sizes.context),
    ids: 4 * sizes.context,
    state: 16,
  };
}

/** All zero; `writeAngles` fills the table of angles. */
export function createActivations(ledger: Ledger, graph: Graph, sizes: ActivationSizes): Activations {
  const strides = activationStrides(graph);
  const make = (label: string, size: number) => ({ buffer: ledger.create('activations', label, size, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST) });
  const rows = Object.fromEntries((Object.keys(strides) as Name[]).map((name) => [name, make(name, 4 * strides[name] * rowsOf(name, sizes))]));

  const firstAngles: number[] = [];
  let entries = 0;
  for (const rope of graph.ropes) {
    firstAngles.push(entries);
    entries += angleEntries(rope, sizes.context);
  }
  return {
    buffers: { ...rows, partials: make('partials', partialsBytes(graph.config, sizes.context)) } as Activations['buffers'],
    strides,
    state: make('state', 16),
    ids: make('ids', 4 * sizes.context),
    angles: make('angles', 8 * entries),
    firstAngles,
  };
}

/** `ropeFactors`: of each of the graph's ropes, the tensor that it names. */
export function writeAngles(queue: GPUQueue, { angles, firstAngles }: Activations, { ropes }: Pick<Graph, 'ropes'>, context: number, ropeFactors: (Float32Array | undefined)[]): void {
  ropes.forEach((rope, i) => queue.writeBuffer(angles.buffer, 8 * firstAngles[i], angleTable(rope, context, ropeFactors[i])));
}
