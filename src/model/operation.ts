// What a file in ops/ says of its operation: its tensors, buffers, state, dispatches and costs. Everything that the engine
// asks of an operation is asked here, so that a new operation is a new file.
import { type ColumnForm } from '../formats/columns.ts';
import { type Binding, type Dispatch, type Step } from '../gpu/program.ts';
import { type KvFormat, type PageFormat } from '../kv/formats/format.ts';
import { type ModelConfig, type Op, type RopeSpec, type RowRange } from './graph.ts';
import { type KernelChoice, type Mode } from './choices/kernel-choice.ts';
import { type MatrixPart } from './blocks/products.ts';

/** Rows of activations are padded with zeros to whole groups of 32 numbers, so that kernels may read whole groups. */
export const pad32 = (floats: number): number => Math.ceil(floats / 32) * 32;

/** Matrices that share an input of `cols` numbers, stored stacked by rows; `aligned`: each begins at a panel, as gated ones need it. */
export interface StackSpec {
  cols: number;
  ranges: RowRange[];
  aligned: boolean;
  /** Index of the adapter that it is of, if it is of one: it is stored apart from what is the model's. */
  adapter?: number;
}

/** Matrices of which a token reads some: each item (an expert, say) has stacks of its own, alike in sizes and types, stored side by side. */
export interface PoolSpec {
  items: number;
  /** Items that a token uses, at most or as a guess. */
  used: number;
  /** How many there are among which these lie: where they are neurons, those of its experts. Default: all. */
  among?: number;
  /** The activation buffer that says which are used: u32 ids, `used` of each row; or a bit for each item, of all rows of a step. */
  chosen: { buffer: string; as: 'ids' | 'bits' };
  stacks(item: number): StackSpec[];
  /** Or items are neurons. */
  columns?: ColumnsSpec;
}

/** A matrix, or several in one tensor, of which single columns are read, each of them with a row of another one. */
export interface ColumnsSpec {
  tensor: string;
  /** Numbers of a column. */
  rows: number;
  /** Columns of a matrix. */
  cols: number;
  /** One after the other in the tensor. Default 1. */
  matrices?: number;
  /** A row of `cols` numbers for each column of all. */
  up?: { tensor: string; cols: number };
}

/** What is stored of a pool, as src/weights takes it: of each item the stacks, or a matrix by its columns. */
export const storedPool = ({ items, stacks, columns }: PoolSpec): { pool?: StackSpec[][]; columns?: ColumnsSpec } =>
  (columns ? { columns } : { pool: Array.from({ length: items }, (_, item) => stacks(item)) });

/** Items of a pool that lie in one binding, in slots of equal size. Which slot an item has is in a buffer, so that it may change between steps. */
export interface PoolPart {
  binding: Binding;
  /** u32 (items): the slot of each, or `noSlot` of an item that is not in this binding. */
  table: Binding;
  slotBytes: number;
  /** Of each stack of an item its matrices, with the first byte of each in a slot, and the grid of its type. */
  stacks: (MatrixPart['matrix'] & { offset: number } & Pick<MatrixPart, 'points'>)[][];
  /**
   * Where items are neurons: how their columns are stored, where in a slot they begin and where among the vectors their scales do, in bytes; and how
   * their rows are, which begin a slot, and where in it their scales lie.
   */
  columns?: { form: ColumnForm; first: number; scales?: number; up?: { form: ColumnForm; scales?: number } };
}

/** A small tensor (a norm, a bias, the weights of a convolution), kept as f32. */
export interface VectorSpec {
  tensor: string;
  /** Its numbers. */
  length: number;
  /** As the file has it, columns first. Default: one dimension. */
  shape?: number[];
}

/** State that a sequence keeps for an operation from step to step. */
export interface KeysValuesState {
  kind: 'keys-values';
  layer: number;
}
/** Of a fixed size, whatever was run. Where a step begins at position 0 it counts as zeros. */
export interface RecurrentState {
  kind: 'recurrent';
  /** Unlike that of any other operation. */
  name: string;
  bytes: number;
}
export type StateSpec = KeysValuesState | RecurrentState;

/** Bytes that a dispatch must read and write at least once, and floating point operations (a multiply-add is two). */
export interface Cost {
  bytes: number;
  flops: number;
}

export interface CostModel {
  config: ModelConfig;
  /** Bytes of the keys and values of one position of a layer. */
  kvPositionBytes: number;
}

/** The buffers between operations (activations.ts), by the names that operations give them. */
export interface Activations {
  buffers: Record<string, Binding>;
  /** Floats per row. */
  strides: Record<string, number>;
  /** Rows that there is room for. */
  rows: number;
  /** Rows of the step, of all its sequences: `State` of which only that is read. */
  state: Binding;
  angles: Binding;
  /** First entry of each rope in `angles`. */
  firstAngles: number[];
}

/** What all operations of a model are recorded with. */
export interface RecordContext {
  graph: { config: ModelConfig; ropes: RopeSpec[] };
  choice: KernelChoice;
  activations: Activations;
  kv: KeysValues;
}

/** How keys and values are kept: those of new tokens, and of each layer the sets of older ones, none if not given. */
export interface KeysValues {
  format: KvFormat;
  /** A layer with a window has none. The fresh slots of one with sets are a ring. */
  sets?(layer: number): readonly KvSet[];
  /** How many of its last queries a layer with sets keeps. Default: none. */
  queries?: number;
  /** What chooses, in front of the attention of one row or behind that for the next, which slots are read of a set that is picked from. */
  picks?(layer: number, at: PickAt): Dispatch[];
  /** What several rows read of a layer's set by buckets, where that is `hashed` and long: the first part of what is joined. */
  hashes?(layer: number, at: HashAt): Dispatch[];
  /** What makes keys and values of a layer's set again, in front of its attention, where that is `restored` or `remade`. */
  restores?(layer: number, at: RestoreAt): Dispatch[];
}

/** Where the queries of a step's rows are, and where what they read goes. */
export interface HashAt extends Pick<PickAt, 'section' | 'config' | 'scale' | 'query'> {
  softcap?: number;
  joined: Binding;
  /** Room for sorted slots, `ScratchSizes.sorted` words of each kv head. */
  sorted: Binding;
  /** Rows of a step at most, and positions. */
  rows: number;
  context: number;
  /** How threads share heads: files and constants. */
  head: { files: readonly string[]; consts: Readonly<Record<string, number>> };
}

/** By which positions turn keys. */
export interface RestoreAt {
  section: string;
  angles: Binding;
}

/** Where a row's queries are, and room that nothing else has until it attends. */
export interface PickAt {
  section: string;
  config: Pick<ModelConfig, 'heads' | 'kvHeads' | 'headDim'>;
  scale: number;
  query: Binding;
  scratch: Binding;
  /** By which positions turn keys. */
  angles?: Binding;
}

/** Slots that are all older than any step that reads them. */
export interface KvSet {
  format: PageFormat;
  /** Of the head that has most. */
  mostSlots: number;
  /** Where keys are to be turned as they are read: constants that tell how (shaders/kv/policies/levels/turn.wgsl). */
  turned?: Readonly<Record<string, number>>;
  /** The layer whose set of the same index is read beside it. */
  beside?: number;
  /** How a row by itself reads some of them (shaders/kv/policies/where/picked.wgsl), as was chosen for a layer. `lag`: by the row before. */
  picked?: { consts: Readonly<Record<string, number>>; layer: number; lag?: boolean };
  /** Whether several rows read it elsewhere (`LayerSets.whole`). */
  away?: boolean;
  /** Whether the processor attends to a part of it for a row by itself (`LayerSets.answer`). */
  answered?: boolean;
  /** Whether that is by a query that is made in the layer before. */
  ahead?: boolean;
  /** Whether several rows read it by buckets (`KeysValues.hashes`), from so many slots on, and in a text of how many positions at most. */
  hashed?: { from: number; context: number };
  /** Whether it is read where its keys and values were made again (`LayerSets.restored`), on pages of the same numbers. */
  restored?: boolean;
  /** Whether a row by itself finds pages of it without their keys, which are made again there first (`LayerSets.keyless`). */
  remade?: boolean;
  /** What its scores are divided by; and of a layer's only set, what the logarithm of their sum is multiplied by before segments are joined. Default: 1. */
  temperature?: number;
  scale?: number;
  /** Where its slots may stand for several tokens: constants that tell where that is noted (shaders/kv/policies/bias/plane.wgsl). */
  biased?: Readonly<Record<string, number>>;
}

/** Buffers of one sequence. Bindings that name them are functions of it, so that a dispatch runs for each sequence of a step. */
export interface SequenceBuffers {
  /** `State` of shaders/parts/state.wgsl. */
  state: Binding;
  /** (position) token ids. */
  ids: Binding;
  /** The fresh pages of a layer, which rope writes. */
  fresh(layer: number): Binding;
  /** The state of an operation that keeps another than keys and values, by its name. */
  recurrent?(name: string): Binding;
  /** The first position whose slot is a fresh one, in layers with sets. Default 0. */
  base?: number;
  /** What the sequence has in the sets that were recorded of a layer, in their order. */
  sets?(layer: number): LayerSets;
  /** Has something freed with the sequence that was made for it. */
  whenClosed?(free: () => void): void;
}

/** As shaders/kv/where/list.wgsl reads them. */
export interface LayerSets {
  /** Of each set. */
  pages: readonly Binding[];
  /** Of all: of each set and kv head where its list of pages begins, and how many slots it has; then the lists. */
  lists: Binding;
  /** Of each set the slots that a row by itself reads, of the head that has most; as many at most, where it picks. */
  read: readonly number[];
  /** What it reads of a set that is picked from, and what is known of that set's slots, by page. */
  picked?: Binding;
  /** What it chose for the row behind it, where that has to be brought first; default: `picked`. */
  chosen?: Binding;
  /** Where several rows read the set, and its lists there, if not all of its pages are in `pages`. */
  whole?: { pages: Binding; lists: Binding };
  /** What the processor attended to for a row: of each query head sums, and its maximum and total, as a split has them. */
  answer?: Binding;
  /** Where a set's keys and values are made again, and what they are made by. */
  restored?: Binding;
  basis?: Binding;
  summaries?: Binding;
  /** Pages on the GPU whose keys are to be made again before the next row by itself reads them, and how many those are. */
  keyless?: { pages: Binding; count: number };
  /** Slots that something is known of together, where that is a layer's own (`PickPlan.sizes`). */
  size?: number;
  /** Numbers of its slots, by page. */
  planes?: Binding;
  /** The last queries, where they are kept. */
  queries?: Binding;
  /** Centroids of its keys, where a row chooses by codes. */
  books?: Binding;
}

/** What buffers are made for. */
export interface ScratchSizes {
  /** Most tokens per step, a multiple of 64. */
  chunk: number;
  /** Most positions. */
  context: number;
  /** Most segments of a layer's keys and values. Default 1. */
  segments?: number;
  /** u32 words of each kv head by which a set is read by buckets, in steps of so many query heads of a group and rows together. Default: none is. */
  sorted?(queries: number): number;
}

/** Where one operation finds its weights. */
export interface Place {
  vectors: Binding;
  /** Index of the first float of a vector in `vectors`. */
  vectorOffset(tensor: string): number;
  /** Of each of the operation's stacks, the parts of its matrices in order. */
  stacks: MatrixPart[][];
  /** Of its pool, in as many parts as there are bindings; none if it has no pool. */
  pool?: PoolPart[];
}

export interface Operation<O extends Op = Op> {
  /** `Op.op` of its operations, and the name of its file. */
  name: O['op'];
  /** Small tensors by name, and the length that each has to have. */
  vectors?(op: O, config: ModelConfig): VectorSpec[];
  /** What else `build.ts` has to refuse in this operation; undefined if nothing. */
  refusal?(op: O): string | undefined;
  stacks?(op: O, config: ModelConfig): StackSpec[];
  /** Matrices of which a token reads some, chosen on the GPU. */
  pool?(op: O, config: ModelConfig): PoolSpec;
  /** Activation buffers that it reads or writes: floats per row. */
  buffers(op: O, config: ModelConfig): Record<string, number>;
  /** Buffers of its own that are no rows of numbers: bytes. */
  scratch?(op: O, config: ModelConfig, sizes: ScratchSizes): Record<string, number>;
  state?(op: O): StateSpec;
  /** In the order in which they run; `section` begins their labels. */
  dispatches(op: O, context: RecordContext, place: Place, mode: Mode, section: string): Dispatch[];
  /** By the name of each kernel that only this operation dispatches. */
  costs: Record<string, (dispatch: Dispatch, step: Step, model: CostModel) => Cost>;
}
