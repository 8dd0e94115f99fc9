// What latents are made by comes to a placed model: of each layer the weights that make keys and values are read as numbers once more, and decomposed here. A
// chunk of its own: most models keep no latents.
import { type LatentWeights, basisFloats } from '../../kv/latents/basis.ts';
import { latentSource } from '../../kv/latents/source.ts';
import { cachesOf } from '../../kv/segment.ts';
import { type Project } from '../../model/ops/project.ts';
import { createRows } from '../../weights/stream/rows.ts';
import { type OpenedModel } from './opened.ts';
import { type PlacedModel } from './placed.ts';

type Read = PlacedModel['streaming']['memory'];

/** Fills the buffers of all layers that have some; another task may have its turn between two of them. */
export async function bringBases({ planned: { chosen: { gpu, opened } }, home: { bases = [] }, streaming: { memory } }: PlacedModel, signal?: AbortSignal) {
  for (const [layer, heads] of cachesOf(opened.graph.config).entries()) {
    const buffer = bases[layer];
    const source = buffer && latentSource(opened.graph, layer);
    if (!buffer || typeof source !== 'object') continue;
    signal?.throwIfAborted();
    const count = heads.kvHeads * heads.headDim;
    const keys = await weightsOf(opened, memory, source.op, source.firstKey, count);
    const values = await weightsOf(opened, memory, source.op, source.firstKey + count, count);
    gpu.device.queue.writeBuffer(buffer, 0, basisFloats(heads, keys, values));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** `count` rows of the matrices of an operation together, and what it adds to them. */
async function weightsOf(opened: OpenedModel, memory: Read, op: Project, first: number, count: number): Promise<LatentWeights> {
  const { sections, layout } = opened;
  const own = sections.findIndex(({ ops }) => ops.some((placed) => placed.op === op));
  const [{ section, stack }] = sections[own].ops.find((placed) => placed.op === op)!.stacks;
  const { cols } = op;
  const rows = new Float32Array(count * cols);
  let before = 0;
  for (const matrix of layout.sections[section].stacks[stack]) {
    const of = createRows(layout, section, matrix, memory);
    for (const part of matrix.parts) {
      const ids = Array.from({ length: part.rows }, (_, row) => row).filter((row) => before + row >= first && before + row < first + count);
      const found = ids.length ? await of.read(ids.map((row) => part.targetRow + row), 1, cols) : new Float32Array();
      if (ids.length) rows.set(found, (before + ids[0] - first) * cols);
      before += part.rows;
    }
  }
  return { rows, cols, ...(op.bias && { bias: await biasOf(opened, memory, op, own, first, count) }) };
}

/** `count` numbers of what an operation adds to the rows of its matrices together, zeros for a matrix without. */
async function biasOf({ layout }: OpenedModel, memory: Read, { bias = [], matrices }: Project, section: number, first: number, count: number) {
  const all = new Float32Array(matrices.reduce((sum, { rows }) => sum + rows, 0));
  let before = 0;
  for (const [i, { rows }] of matrices.entries()) {
    const vector = layout.sections[section].vectors.find(({ tensor }) => tensor === bias[i]);
    if (vector) {
      const slab = layout.slabs.findIndex((each) => each.section === section && each.offset === 0);
      const { bytes } = await memory.read({ slab, offset: vector.offset, length: 4 * vector.length });
      all.set(new Float32Array(bytes.slice().buffer), before);
    }
    before += rows;
  }
  return all.slice(first, first + count);
}
