// How weights come to the GPU that do not stay there: again and again, through slots.
import { aheadBytesFor, guessedCost, readBytesFor } from '../../weights/stream/cost-model.ts';
import { joinedReads, joinRanges, spanOf } from '../../weights/stream/joined-reads.ts';
import { type OnDemand } from './on-demand.ts';
import { createNaiveStream } from '../../weights/stream/naive-stream.ts';
import { type WeightsReader } from '../../weights/store/reader.ts';
import { type ResidentWeights } from '../../weights/stream/resident.ts';
import { type Rows, createRows } from '../../weights/stream/rows.ts';
import { type SlabMemory, createSlabMemory } from '../../weights/stream/slab-memory.ts';
import { rangesOf } from '../../weights/stream/slices.ts';
import { throttled } from '../../weights/stream/throttle.ts';
import { type Uploader } from '../../weights/stream/uploader.ts';
import { type WeightStream, type StreamOptions, createStream } from '../../weights/stream/stream.ts';
import { type Embed } from '../../model/ops/embed.ts';
import { layerOf, streamable, tablesOf } from '../../model/sections.ts';
import { type OpenedModel } from './opened.ts';
import { type Plan } from './plan/plan.ts';
import { type PlannedModel } from './plan/planned.ts';

/** Small beside what a page uses anyway. */
export const defaultRamBytes = 256 * 2 ** 20;

export interface Streaming extends Partial<OnDemand> {
  /** What of the streamed weights is in worker memory. */
  memory: SlabMemory;
  /** Undefined if all weights stay on the GPU. */
  stream?: WeightStream;
  /** Input embeddings, if the GPU does not look them up: what of each table is looked up, and where. */
  tables?: { op: Embed; rows: Rows }[];
}

/** What brings the weights to the GPU that do not stay there. */
export async function openStreaming(
  planned: PlannedModel,
  reader: WeightsReader,
  weights: ResidentWeights,
  uploader: Uploader,
): Promise<Streaming> {
  const { chosen, plan: { slices, embedding, groups } } = planned;
  const {
    gpu: { device },
    opened,
    options: { ramBytes = defaultRamBytes, storeCost = guessedCost, experiment: { loader, readDelay = 0 } = {} },
  } = chosen;
  const { sections, layout } = opened;
  const streamed = new Map(inOrderOfUse(opened, slices).map((i) => [i, { slot: slices[i].slot!, ranges: rangesOf(layout, slices[i]) }]));
  const runs = joinRanges(
    [...streamed.values()].flatMap(({ ranges }) => ranges),
    readBytesFor(storeCost),
  );
  const memory = createSlabMemory(
    reader,
    layout.slabs.map((slab) => slab.byteLength),
    runs.map(spanOf),
    ramBytes,
  );
  const tables = embedding === 'gpu' ? undefined : tablesOf(sections).map((index) => {
    const [{ op, stacks: [{ section, stack }] }] = sections[index].ops;
    return { op: op as Embed, rows: createRows(layout, section, layout.sections[section].stacks[stack][0], memory) };
  });
  const always = [...streamed.values()].flatMap(({ ranges }) => ranges).reduce((sum, { length }) => sum + length, 0);
  const onDemand = groups && (await import('./on-demand.ts')).openItems(planned, reader, weights, uploader, Math.max(0, ramBytes - always));
  if (!streamed.size) return { memory, tables, ...onDemand };
  const read = joinedReads(runs, (range) => memory.read(range));
  const options: StreamOptions = {
    slices: streamed,
    first: [...streamed.keys()].filter((i) => layerOf(sections[slices[i].section]) !== undefined),
    aheadBytes: aheadBytesFor(storeCost, Math.max(...slices.map(({ start, end }) => end - start)), Math.max(...runs.map((run) => spanOf(run).length))),
    read: readDelay > 0 ? throttled(read, readDelay) : read,
    async upload(slice, { start, length }, bytes) {
      for (const target of weights.targets(slice, start, length))
        await uploader.write(target.buffer, target.offset, bytes.subarray(target.from, target.from + target.length));
    },
  };
  return { memory, tables, ...onDemand, stream: loader === 'naive' ? createNaiveStream(device.queue, options) : createStream(options) };
}

/** Indices of the streamed slices: layers, then the output matrix, which lies in the first section where it is the embedding too. */
const inOrderOfUse = ({ sections }: OpenedModel, slices: Plan['slices']): number[] =>
  streamable(sections).flatMap((section) => [...slices.keys()].filter((i) => slices[i].section === section && slices[i].slot !== undefined));
