// What latents are made by comes to a placed model: of each layer the weights that make keys and values are read as numbers once more, and decomposed here. A
// chunk of its own: most models keep no latents.
import { panelRows } from '../../formats/panel.ts';
import { type KvFormat } from '../../kv/formats/format.ts';
import { type LatentWeights, basisFloats } from '../../kv/latents/basis.ts';
import { type LatentSource, latentSource } from '../../kv/latents/source.ts';
import { cachesOf } from '../../kv/segment.ts';
import { restsFor } from '../../kv/tiers/turns.ts';
import { type Project } from '../../model/ops/project.ts';
import { createRows } from '../../weights/stream/rows.ts';
import { type OpenedModel } from './opened.ts';
import { type PlacedModel } from './placed.ts';

/** What of a placed model is read, or filled. */
export interface Bringing {
  planned: { chosen: Pick<PlacedModel['planned']['chosen'], 'gpu' | 'opened'> };
  home: Pick<PlacedModel['home'], 'bases' | 'format'>;
  streaming: { memory: Read };
}

type Read = Pick<PlacedModel['streaming']['memory'], 'read'>;
type Opened = Pick<OpenedModel, 'graph' | 'sections' | 'layout'>;

/**
 * Of an opened model what the GPU has of its layers' bases, for fresh slots of one format: it stays as long as that, so that another budget, or a GPU after one
 * that was lost, does not wait for minutes again.
 */
const known = new WeakMap<OpenedModel, { fresh: KvFormat; layers: Float32Array<ArrayBuffer>[] }>();

/** Fills the buffers of all layers that have some; other tasks have their turns meanwhile. */
export async function bringBases({ planned, home: { bases = [], format }, streaming: { memory } }: Bringing, signal?: AbortSignal): Promise<void> {
  const { gpu, opened } = planned.chosen;
  const before = known.get(opened);
  const { layers } = before?.fresh === format ? before : { layers: [] };
  known.set(opened, { fresh: format, layers });
  const rest = restsFor(signal);
  for (const [layer, heads] of cachesOf(opened.graph.config).entries()) {
    const buffer = bases[layer];
    const source = buffer && latentSource(opened.graph, layer);
    if (!buffer || typeof source !== 'object') continue;
    signal?.throwIfAborted();
    layers[layer] ??= await basisFloats(heads, await latentWeights(opened, memory, layer, source), format, rest);
    gpu.device.queue.writeBuffer(buffer, 0, layers[layer]);
  }
}

/** What makes the keys of a layer, and its values. */
export async function latentWeights(opened: Opened, memory: Read, layer: number, { op, firstKey }: LatentSource): Promise<[LatentWeights, LatentWeights]> {
  const { kvHeads, headDim } = cachesOf(opened.graph.config)[layer];
  const count = kvHeads * headDim;
  const section = opened.sections.findIndex(({ ops }) => ops.some((placed) => placed.op === op));
  const bias = op.bias && (await biasOf(opened, memory, op, section));
  const of = async (first: number): Promise<LatentWeights> =>
    ({ rows: await rowsOf(opened, memory, op, section, first, count), cols: op.cols, ...(bias && { bias: bias.slice(first, first + count) }) });
  return [await of(firstKey), await of(firstKey + count)];
}

/** `count` rows of the matrices of an operation together. One panel after the other: an unchecked slab is read as a whole for its hash, once so. */
async function rowsOf({ sections, layout }: Opened, memory: Read, op: Project, own: number, first: number, count: number): Promise<Float32Array> {
  const [{ section, stack }] = sections[own].ops.find((placed) => placed.op === op)!.stacks;
  const { cols } = op;
  const rows = new Float32Array(count * cols);
  let before = 0;
  for (const matrix of layout.sections[section].stacks[stack]) {
    const of = createRows(layout, section, matrix, memory);
    for (const part of matrix.parts) {
      const end = Math.min(part.rows, first + count - before);
      for (let row = Math.max(0, first - before); row < end; ) {
        const target = part.targetRow + row;
        const many = Math.min(end - row, panelRows - (target % panelRows));
        rows.set(await of.read(Array.from({ length: many }, (_, i) => target + i), 1, cols), (before + row - first) * cols);
        row += many;
      }
      before += part.rows;
    }
  }
  return rows;
}

/**
 * What an operation adds to the rows of its matrices together, zeros for a matrix without. Of the whole first slab of the section: of a slab in part, what
 * reads the file makes panels alone.
 */
async function biasOf({ layout }: Opened, memory: Read, { bias = [], matrices }: Project, section: number): Promise<Float32Array> {
  const all = new Float32Array(matrices.reduce((sum, { rows }) => sum + rows, 0));
  const slab = layout.slabs.findIndex((each) => each.section === section && each.offset === 0);
  const { bytes } = await memory.read({ slab, offset: 0, length: layout.slabs[slab].byteLength });
  let before = 0;
  for (const [i, { rows }] of matrices.entries()) {
    const vector = layout.sections[section].vectors.find(({ tensor }) => tensor === bias[i]);
    if (vector) all.set(new Float32Array(bytes.slice(vector.offset, vector.offset + 4 * vector.length).buffer), before);
    before += rows;
  }
  return all;
}
