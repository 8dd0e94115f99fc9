// A small made-up piece of a model on the GPU: random tensors laid out, uploaded and recorded as the engine does it,
// activations that a check writes and reads. So a check runs what runs, parameters, grids and bindings included.
import { type TensorInfo, type Header } from '../../gguf/header.ts';
import { kvFormat } from '../../kv/formats/catalogue.ts';
import { type KvFormat, type PageFormat, pageSlots } from '../../kv/formats/format.ts';
import { createSegment } from '../../kv/segment.ts';
import { createActivations, writeAngles } from '../../model/activations.ts';
import { type Graph, type ModelConfig, type Op, type RopeSpec } from '../../model/graph.ts';
import { type Activations, type KvSet, type SequenceBuffers, storedPool } from '../../model/operation.ts';
import { createSequenceBuffers, writeState } from '../../model/sequence-buffers.ts';
import { poolOf, record, stacksOf, statesOf, vectorsOf } from '../../model/operations.ts';
import { type Mode, type KernelChoice } from '../../model/choices/kernel-choice.ts';
import { sourceReader } from '../../weights/store/reader.ts';
import { layoutOf } from '../../weights/layout.ts';
import { placeWeights } from '../../weights/stream/resident.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { type Gpu } from '../device.ts';
import { type createKernelCache } from '../kernels.ts';
import { type Ledger, createLedger } from '../ledger.ts';
import { type Dispatch, type Program, createProgram, runsIn } from '../program.ts';
import { readBytes } from '../read-bytes.ts';
import { raggedPages } from './pages.ts';

export interface Workbench {
  gpu: Gpu;
  kernels: ReturnType<typeof createKernelCache>;
  /** Where the buffers of stages are booked. */
  room(): Ledger;
}

/** A tensor as a GGUF has it; `shape` has the columns first. */
export interface Tensor {
  type: string;
  shape: number[];
  bytes: Uint8Array<ArrayBuffer>;
}

export interface Setting {
  config?: Partial<ModelConfig>;
  rope?: RopeSpec;
  choice: KernelChoice;
  /** Default: f32. */
  kv?: KvFormat;
  tensors?: Record<string, Tensor>;
  op?: Op;
  /** An operation before it, whose buffers and tensors it has too. */
  after?: Op;
  /** Others whose buffers and small tensors there are. */
  beside?: readonly Op[];
  mode?: Mode;
  /** Rows of the step. */
  tokens: number;
  /** Of the first row. */
  position?: number;
  /** Row of the activations that the step begins at; of operations on one sequence's state. Default 0. */
  first?: number;
  /** The first position that is a fresh slot. Default 0. */
  base?: number;
  /** Sets of older slots: so many of each kv head, in pages as `raggedPages` has them. With such the fresh ones are a ring. */
  sets?: ({ kv: PageFormat; slots: number[] } & Pick<KvSet, 'turned'>)[];
  /** Words that pages of sets point to, which lie from `tablesAt` on among the words of the lists. */
  tables?: Uint32Array;
  maxBindingBytes?: number;
}

export interface Stage {
  ledger: Ledger;
  activations: Activations;
  sequence: SequenceBuffers;
  /** The pages of sets, then the fresh ones; zeroed. */
  segments: GPUBuffer[];
  /** The state of an operation that keeps another than keys and values; zeroed. */
  memory?: GPUBuffer;
  /** The operation as record.ts records it, as far as the step runs it. */
  dispatches: Dispatch[];
  /** Fills the rows of the step from (rows, width); the rest of each row becomes zero. */
  write(name: string, rows: Float32Array, width: number): void;
  run(dispatches: Dispatch[] | Program): Promise<void>;
  /** (rows, width): the first numbers of rows of the step. */
  read(name: string, rows: number, width: number): Promise<Float32Array>;
  readBytes(buffer: GPUBuffer, size: number): Promise<ArrayBuffer>;
}

const noConfig: ModelConfig = { architecture: 'self-test', layers: 1, dim: 32, heads: 1, kvHeads: 1, headDim: 4, ffn: 32, vocab: 32, context: 0, eps: 1e-5 };

/** Rows of buffers come in so many, as in the shortest steps that a plan makes. */
const rowStep = 16;

/** Sets the stage, lets `act` play on it, and frees its buffers. */
export async function withStage<T>({ gpu, kernels, room }: Workbench, setting: Setting, act: (stage: Stage) => Promise<T>): Promise<T> {
  const { device } = gpu;
  const { choice, op, tokens, position = 0, first = 0, base = 0, sets = [], mode = 'prefill', kv = kvFormat('f32') } = setting;
  const ledger = createLedger(device, Infinity, { ledger: room(), purpose: 'test' });
  try {
    const length = position + tokens;
    const rows = Math.ceil((first + tokens) / rowStep) * rowStep;
    const context = Math.ceil((position + rows) / 256) * 256;
    const config = { ...noConfig, ...setting.config, context };
    // Operations outside a graph need only its numbers.
    const graph = { config, ropes: setting.rope ? [setting.rope] : [], layers: [], hostTensors: [] } as Pick<Graph, 'config' | 'ropes'> as Graph;
    const ops = [op, setting.after, ...(setting.beside ?? [])].filter((each) => each !== undefined);
    const activations = createActivations(ledger, graph, ops, { chunk: rows, logitsRows: rows, context, segments: sets.length + 1 });
    writeAngles(device.queue, activations, graph, context, []);
    const fresh = createSegment(ledger, 'fresh', config, context - base, kv).buffer;
    const older = sets.map(({ kv: format, slots, turned }) => ({ format, mostSlots: Math.max(...slots), turned }));
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const pages = sets.map(({ kv: format, slots }, i) => ({
      buffer: ledger.create('kv', `set.${i}`, 4 * format.words(config.headDim) * raggedPages(slots).pages, usage),
    }));
    const known = listsOf(sets.map(({ slots }) => slots), setting.tables);
    const lists = { buffer: ledger.create('kv', 'lists', known.byteLength, usage) };
    const memory = op && memoryOf(ledger, op);
    const sequence: SequenceBuffers = {
      ...createSequenceBuffers(ledger, context, () => fresh), base, ...(memory && { recurrent: () => ({ buffer: memory }) }),
      sets: () => ({ pages, lists, read: older.map(({ mostSlots }) => mostSlots) }),
    };
    await ledger.settle();
    writeState(device.queue, activations, sequence, position, tokens, first);
    device.queue.writeBuffer(lists.buffer, 0, known);

    const place = op ? await placeTensors(gpu, ledger, op, config, setting) : undefined;
    const dispatches = op
      ? record(op, { graph, choice, activations, kv: { format: kv, sets: () => older } }, place!, mode, 'check').filter((each) =>
          runsIn(each, { rows: tokens, length, of: sequence }),
        )
      : [];

    const strideOf = (name: string) => (name === 'partials' ? 0 : activations.strides[name]);
    const read = (buffer: GPUBuffer, byteLength: number) => readBytes(device, ledger, 'check.readback', { buffer, byteLength });
    return await act({
      ledger, activations, sequence, segments: [...pages.map(({ buffer }) => buffer), fresh], memory, dispatches, readBytes: read,
      write(name, given, width) {
        const stride = strideOf(name);
        const padded = new Float32Array((given.length / width) * stride);
        for (let row = 0; row * width < given.length; row++) padded.set(given.subarray(row * width, (row + 1) * width), row * stride);
        device.queue.writeBuffer(activations.buffers[name].buffer, 4 * stride * first, padded);
      },
      async run(what) {
        const program = Array.isArray(what) ? await createProgram(device, ledger, kernels, 'check', what) : what;
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        program.encode(pass, { rows: tokens, length, of: sequence });
        pass.end();
        device.queue.submit([encoder.finish()]);
      },
      async read(name, count, width) {
        const stride = strideOf(name);
        const all = new Float32Array(await read(activations.buffers[name].buffer, 4 * stride * (first + count)));
        const found = new Float32Array(count * width);
        for (let row = 0; row < count; row++) found.set(all.subarray((first + row) * stride, (first + row) * stride + width), row * width);
        return found;
      },
    });
  } finally {
    ledger.destroyAll();
  }
}

/** The word of the lists at which tables begin: behind what there is of every set and head. */
export const tablesAt = (sets: number[][]): number => 2 * sets.flat().length;

/** Of every set and head where its list begins, and how many slots it has; then the tables, then the lists. */
function listsOf(sets: number[][], tables: ArrayLike<number> = []): Uint32Array<ArrayBuffer> {
  const heads: number[] = [];
  const lists: number[] = [];
  const first = tablesAt(sets) + tables.length;
  for (const slots of sets) {
    const { pageOf } = raggedPages(slots);
    slots.forEach((count, head) => {
      heads.push(first + lists.length, count);
      for (let index = 0; index * pageSlots < count; index++) lists.push(pageOf(index, head));
    });
  }
  return Uint32Array.from([...heads, ...Array.from(tables), ...lists, 0, 0, 0, 0]);
}

function memoryOf(ledger: Ledger, op: Op): GPUBuffer | undefined {
  const [bytes] = Object.values(statesOf([op]));
  return bytes === undefined ? undefined : ledger.create('kv', 'memory', bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST);
}

/** Puts the tensors on the GPU in one section, by way of slabs, as a model's layer. */
async function placeTensors(gpu: Gpu, ledger: Ledger, op: Op, config: ModelConfig, { tensors = {}, after, beside = [], maxBindingBytes }: Setting) {
  const header = headerOf(tensors);
  const stacks = stacksOf(op, config);
  const pool = poolOf(op, config);
  const ops = [op, after, ...beside].filter((each) => each !== undefined);
  const layout = layoutOf(header, [{
    name: 'check', vectors: ops.flatMap((each) => vectorsOf(each, config).map(({ tensor }) => tensor)), stacks, ...(pool && storedPool(pool)),
  }]);
  const weights = placeWeights(layout, [{ section: 0, start: 0, end: Math.max(16, layout.sections[0].byteLength) }], {
    maxBufferBytes: gpu.device.limits.maxBufferSize,
    maxBindingBytes: maxBindingBytes ?? gpu.maxBindingBytes,
    queue: gpu.device.queue,
    allocate: (label, size) => ledger.create('weights', label, size, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST),
  });
  const file = new Uint8Array(header.fileBytes);
  for (const [name, { bytes }] of Object.entries(tensors)) file.set(bytes, header.tensors.get(name)!.offset);
  const reader = sourceReader(bytesSource(file, 'self-test'), header, layout);
  for (const [i, slab] of layout.slabs.entries()) {
    const bytes = await reader.readSlab(i);
    for (const { buffer, offset, from, length } of weights.targets(0, slab.offset, slab.byteLength))
      gpu.device.queue.writeBuffer(buffer, offset, bytes, from, length);
  }
  const { vectors } = layout.sections[0];
  return {
    vectors: weights.vectors(0),
    vectorOffset: (name: string) => vectors.find(({ tensor }) => tensor === name)!.offset / 4,
    stacks: stacks.map((_, n) => weights.stack(0, n)),
    ...(pool && { pool: weights.pool(0) }),
  };
}

function headerOf(given: Record<string, Tensor>): Header {
  const tensors = new Map<string, TensorInfo>();
  let offset = 0;
  for (const [name, { type, shape, bytes }] of Object.entries(given)) {
    tensors.set(name, { name, type, shape, offset, byteLength: bytes.length });
    offset += bytes.length;
  }
  return { version: 3, metadata: new Map(), tensors, headerBytes: 0, fileBytes: offset };
}
