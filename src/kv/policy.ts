// What a policy of keys and values is: which slots stay, in how many bits, under which budget. The interface that a file in policies/ implements,
// and what its ticks are given. Plain data and types; what a tick does is in tick/, a file per kernel.
//
// A layer's slots are those of its *sets* (older than every step that reads them) and the *fresh* ones (position by position, from `base` on).
// A policy acts in ticks alone: after each chunk of a prompt, at its end, and after every `interval` tokens of decode. So a text does
// not depend on tokens per submit. Counts are known here, identities on the GPU only: grids and rooms follow without a readback.
import { type KernelSpec } from '../gpu/kernels.ts';
import { type Binding } from '../gpu/program.ts';
import { type CacheHeads, type ModelConfig } from '../model/graph.ts';
import { type KvFormat, type PageFormat } from './formats/format.ts';
import { type Rest } from './latents/eigen.ts';
import { type LowRank } from './shadow.ts';

/** Numbers that a policy keeps of each slot, u32 or f32 as it likes, in the order of `KvPlan.planes`. `position` and `cluster` are of slots of sets alone. */
export type Plane = 'position' | 'acc' | 'last' | 'mri' | 'cluster' | 'bias';

/** Constants that tell shaders where the plane `bias` of a first set is: ln of how many tokens a slot stands for, which its score is raised by. */
export const biasIn = (planes: readonly Plane[]): Record<string, number> | undefined =>
  planes.includes('bias') ? { Planes: planes.length, BiasPlane: planes.indexOf('bias') } : undefined;

/** How positions turn keys, as constants of shaders (shaders/kv/policies/levels/turn.wgsl). */
export interface Turn extends Record<string, number> {
  /** In the table of angles. */
  FirstAngle: number;
  RopeDims: number;
  /** 1: a pair is (i, i + RopeDims / 2), else (2i, 2i + 1). */
  Halves: number;
}

/** What a policy may know of a model. A layer here is one of keys and values (`ModelConfig.caches`), whatever else the model's layers have. */
export interface PolicyModel {
  config: ModelConfig;
  /** Of each layer the heads. */
  heads: readonly CacheHeads[];
  /** Of each layer the query heads. */
  queryHeads: readonly number[];
  /** Of each layer how many positions it sees at most, 0 for all. A layer with a window is left alone: its slots stay fresh ones. */
  windows: readonly number[];
  /** (layer, kv head): how far back each head looks, where that was measured (policies/find-heads.ts). */
  retrieval?: readonly (readonly number[])[];
}

/** A set that a layer may have. */
export interface SetPlan {
  format: PageFormat;
  /** Most slots of each kv head, (kv head). */
  mostSlots: readonly number[];
  /** Most slots of all kv heads together, where one may have what others have not. */
  mostTogether?: number;
  /**
   * Of a layer's only set, whose slots are positions in order, all heads with as many, whole pages: it has codes of latents, of which keys and values are made
   * again in pages of fresh slots' format before they are read (latents/).
   */
  latent?: true;
  /** Whether its slots have no planes. */
  bare?: true;
  /** What its scores are divided by; and of a layer's only set, what the logarithm of their sum is multiplied by before segments are joined. Default: 1. */
  temperature?: number;
  scale?: number;
  /** The layer whose set of the same index has what its slots share, on pages of the same numbers: kernels read those as `beside`. */
  beside?: number;
  /** Of a layer's only set, whose slots are as fresh ones are: how a decoded token chooses what it reads of it. A prompt reads all. */
  pick?: PickPlan;
  /** Of a layer's only set, whose slots are positions in order, all heads with as many: how the steps of a prompt read it where it is long. */
  hashed?: HashPlan;
  /**
   * Of a set that is picked from with `lag`: so many of its pages are on the GPU, of all heads together. All full ones are in the memory of the worker,
   * from where those that a token chose are brought (tiers/away.ts). Default: all are on the GPU.
   */
  frames?: number;
  /** Of a set that has `frames` and picks nothing: the slots between its first ones and its tails are attended to by the processor. */
  answered?: AnswerPlan;
}

/**
 * The query of a decoded token goes to the keys in worker memory in place of these to the GPU: the processor attends to slots there, and the GPU joins what it
 * gives (maxima, totals, sums) with what it attends to itself (tiers/answers.ts).
 */
export interface AnswerPlan {
  /** Whether it is the query of the token before, so that no layer waits for its answer; the token itself is told no more than that then. */
  lag?: boolean;
  /** Whether it is a query that was made of the input of the layer before, so that it is answered while that layer is computed. */
  ahead?: boolean;
  /** How few slots a query is multiplied with, where a head has `least` of them: those that an index finds, this share of them at most. */
  index?: { share: number; least: number };
}

/**
 * A decoded token reads some *runs* of a set, chosen for its query by one kernel (shaders/kernels/policies/pick/kv-pick.wgsl) in front of attention, the
 * first slots, and those that nothing is known of yet. How many runs is said at ticks (`KvTick.setPicks`).
 */
export interface PickPlan {
  /** What tells which are worth reading: shaders/kv/policies/pick/by-*.wgsl; `none`: no run is read, but what is always. */
  by: 'bounds' | 'levels' | 'landmarks' | 'votes' | 'clusters' | 'codes' | 'none';
  /** Slots of a run. */
  run: number;
  /** Slots that something is known of together: a part of a run, or more than one. */
  each: number;
  /** Of levels: what else `each` may be, which is the largest of these, in a layer for itself (`KvTick.setSize`); whole runs. */
  sizes?: readonly number[];
  /** Of landmarks: how keys are kept behind the first ones, in low rank. */
  lowRank?: LowRank;
  /** So many first slots are always read. */
  first: number;
  /** Tokens that a choice holds for, from each tick on. Default 1. */
  reuse?: number;
  /** Of codes: parts of a head that have one each, of whole fours of numbers. */
  parts?: number;
  /** Of codes: how far back keys are turned by their own positions. Default: all are. */
  span?: number;
  /** Of votes: from which cosine of queries on a choice is kept. */
  alike?: number;
  /** The layer whose choice this one takes. Default: it makes its own. */
  of?: number;
  /** Whether a choice is for the token behind the one whose query makes it, so that there is a token's time to bring what was chosen. */
  lag?: boolean;
}

/** What a query of a prompt reads of a set: src/kv/hashed.ts. */
export interface HashPlan {
  /** So many first slots. */
  first: number;
  /** Slots of a block, of those that are sorted by bucket, of which it reads that of its own bucket. */
  block: number;
  /** Slots that are drawn of all. */
  samples: number;
  /** From so many slots on; fewer are read exactly. */
  from: number;
  /** By which angles are hashed. */
  planes: number;
}

export interface KvPlan {
  /**
   * Whether it acts while a prompt is fed, so that a prompt of any length needs no more than the budget and one chunk (`bounded`), or at its end
   * only, with all of the prompt in fresh slots before (`prompt`).
   */
  peak: 'bounded' | 'prompt';
  /** The last positions, which stay fresh ones: no text is cut back below them, so that nothing that a tick did has to be undone. */
  window: number;
  /** Tokens of decode between ticks. */
  interval: number;
  /** Most tokens of a step of a prompt. Default: as the model was planned. */
  chunk?: number;
  /**
   * How many of a sequence's last queries each layer keeps (`KvLayer.queries`): of all since the tick before, as many as `betweenTicks`
   * (src/kv/set-bytes.ts). Default 0: none are, and rope writes none.
   */
  queries?: number;
  planes: readonly Plane[];
  /** Whether ticks of prompts alone write planes. Default: every tick does. */
  notes?: 'prompts';
  /**
   * Whether a text can be cut below the fresh slots, as sets hold all positions in their order: at any slot or at whole pages. Otherwise what is
   * cut there is fed again from its tokens.
   */
  rewinds?: 'slots' | 'pages';
  /** Kernels that a tick has for a layer at most. Default 8. */
  kernels?: number;
  /** Most bytes that are brought for a token of sets that have `frames`. Default: all that it chose, as far as there are frames. */
  fetchBytes?: number;
  /** Most bytes of worker memory for pages of sets that have `frames`; those that it has no room for are in storage. Default: all are in worker memory. */
  homeBytes?: number;
  /** Most bytes of what the kernels of a tick hand on to each other (`KvTick.scratch`), which the model has once, as ticks take turns. Default 0. */
  scratchBytes?: number;
  /**
   * Bytes of what is the model's, and the same for all of its sequences: counted once, within the budget of all of them. Worker memory keeps as many, to bring
   * it to another GPU without making it anew (engine/load/bases.ts). Default 0.
   */
  sharedBytes?: number;
  /** Bytes of worker memory that a tick has while it finds something, once for the model, as ticks take turns. Default 0. */
  workerBytes?: number;
  /** Of each layer its sets, none for one that is left alone. */
  layers: readonly (readonly SetPlan[])[];
}

export interface Policy {
  /** As options name it: `kv: 'kivi4'`. What it is called for people is in policies/names.ts, which comes without it. */
  readonly name: string;
  /** Whether it asks how far back heads look (`PolicyModel.retrieval`). */
  readonly readsHeads?: 'always' | 'where known';
  /** What it keeps does not grow with the text, or not where a budget bounds it, so that a context that was not asked for is long: 32768, or as trained. */
  readonly endless?: 'always' | 'within a budget';
  /** What it finds is no part of sequences, so that none of them can be saved. */
  readonly unsaved?: boolean;
  /** Settings by name, with their defaults; all are numbers. */
  readonly options: Readonly<Record<string, number>>;
  /**
   * Pure: what it will take, known before anything is loaded. `budgetBytes`: of the keys and values of one sequence and its part of
   * what all share (`bytesOfOne` of shaped-bytes.ts), Infinity if none was given.
   * RequestError for options that cannot be, and BudgetError for a budget that is too small.
   */
  plan(model: PolicyModel, given: PolicyRoom, options: Readonly<Record<string, number>>): KvPlan;
  /** Called between submits, with all tokens before it read and accepted; encodes work, and says by `KvTick` what counts become. */
  tick(kv: KvTick): void | Promise<void>;
}

export interface PolicyRoom {
  /** Most positions. */
  context: number;
  /** Most tokens of a step of a prompt, if the policy asks for no fewer. */
  chunk: number;
  budgetBytes: number;
  /** That share what the model has once. Default 1. */
  sequences?: number;
  /** Of fresh slots. */
  format: KvFormat;
}

/** Slots older than every step that reads them: pages of one format, each of one kv head. */
export interface KvSet {
  /** Among the sets of its layer: `params.set_index` of kernels that read it by where/list.wgsl. */
  readonly index: number;
  readonly format: PageFormat;
  /** Pages, in the order in which they were taken. */
  readonly pages: GPUBuffer;
  /** Numbers of slots, 32-bit words as (page, plane, slot of the page); undefined without planes. */
  readonly planes?: GPUBuffer;
  /** Slots of each kv head by now, (kv head). */
  readonly counts: Uint32Array;
  /** Slots that each kv head has pages for, (kv head). */
  readonly room: Uint32Array;
  /** What is known of the slots that a token chooses from, where it does (`PickPlan`). */
  readonly summaries?: GPUBuffer;
  /** Of each kv head the first slot behind those, from which on all are read, (kv head). */
  readonly tails: Uint32Array;
  /** Of levels: slots that something is known of together by now. Default: `PickPlan.each`. */
  readonly size?: number;
  /** Whether its keys are kept in low rank by now (`PickPlan.lowRank`), behind the first ones. */
  readonly isLow?: boolean;
}

/**
 * The slots of positions from `base` to the end of the last step, as a ring: that of `position` is slot `position % 32` of the page
 * `(floor(position / 32) % rings) * kvHeads + kv head`, with as many `rings` as the buffer has room for. shaders/kv/where/ring.wgsl reads it.
 */
export interface KvFresh {
  readonly format: KvFormat;
  readonly pages: GPUBuffer;
  /** As those of a set. */
  readonly planes?: GPUBuffer;
}

export interface KvLayer {
  readonly layer: number;
  readonly heads: CacheHeads;
  /** Query heads. */
  readonly queryHeads: number;
  /** What scores are multiplied by. */
  readonly scale: number;
  readonly softcap?: number;
  readonly turn: Turn;
  readonly sets: readonly KvSet[];
  /**
   * u32: of each set and kv head (first, slots), then the lists: the page of a slot is number `lists[first + slot / 32]`.
   * shaders/kv/where/list.wgsl reads it.
   */
  readonly lists: GPUBuffer;
  readonly fresh: KvFresh;
  /** The last `KvPlan.queries` queries, rotated, f32: (position % queries, query head, headDim padded to whole vec4s). */
  readonly queries?: GPUBuffer;
  /** Where the layer has a set of latents: what they are made by (latents/basis.ts). */
  readonly basis?: GPUBuffer;
  /** f32: centroids of keys, where a token chooses by codes (shaders/kv/policies/pick/books.wgsl). */
  readonly books?: GPUBuffer;
  /** Where the layer chooses what tokens read: what kv-pick.wgsl leaves, and a tick with it. */
  readonly picked?: GPUBuffer;
}

export interface KvTick {
  /** `chunk`: the prompt goes on; `prompt`: it has ended; `decode`: `interval` tokens have come. */
  readonly phase: 'chunk' | 'prompt' | 'decode';
  /** Positions that were run, all of them read and accepted. */
  readonly length: number;
  /** The first position that is a fresh slot. */
  readonly base: number;
  /** Positions that there were after the tick before, no more than `length`; 0 at the first. Queries and planes from here on are new to the policy. */
  readonly since: number;
  /** Positions whose planes hold what ticks wrote; those of later ones are another's. Default: `since`. */
  readonly noted?: number;
  /** The first position whose query is kept, if the last `KvPlan.queries` are: of those before, others may lie there since a text was cut. */
  readonly queried: number;
  /** Tokens of the whole prompt, of those that were run and those still to come. */
  readonly promptLength: number;
  /** The sequence that it is of, to be told from others. */
  readonly of?: object;
  readonly plan: KvPlan;
  readonly options: Readonly<Record<string, number>>;
  /** Those that the policy has sets of. */
  readonly layers: readonly KvLayer[];
  /** Cosines and sines of positions; undefined where nothing turns keys. */
  readonly angles?: Binding;
  /**
   * Encodes a kernel. Bind groups and parameters are kept by the order of calls, so that a tick that does what the one before did creates
   * nothing. `sequence.state` is there as `state`.
   */
  dispatch(work: TickWork): void;
  /**
   * A buffer of at least so many bytes, the same for the same name until a longer one is asked for. What it holds is good for this tick alone: the next one, of
   * any sequence, has the same buffers. `KvPlan.scratchBytes` counts them.
   */
  scratch(name: string, bytes: number): GPUBuffer;
  /**
   * Has pages for so many slots of each kv head in a set; what is there stays. To be awaited before anything is encoded that reads or writes that
   * set. BudgetError where the budget has no room: nothing has changed then.
   */
  makeRoom(set: KvSet, slots: ArrayLike<number>): Promise<void>;
  /** Says how many slots of each kv head a set has, for what is encoded after that: what was encoded before sees those that it had. */
  setCounts(set: KvSet, counts: ArrayLike<number>): void;
  /**
   * Says of a set that is picked from how many runs of each kv head a token reads, and from which slot on it reads all, for what is encoded and run
   * after that. The next token chooses anew. `opened`, of levels: how many coarse runs it looks into.
   */
  setPicks(set: KvSet, runs: ArrayLike<number>, tails: ArrayLike<number>, opened?: number): void;
  /** Says of levels how many slots something is known of together from now on: nothing is by then. To be awaited as `makeRoom`; BudgetError as that. */
  setSize(set: KvSet, size: number): Promise<void>;
  /** Says that keys of a set are kept in low rank from now on: of all that it has, and will have. */
  setLow(set: KvSet): void;
  /** Says from which position on slots are fresh after this tick, `length - plan.window` at most. Those before are read in sets or not at all. */
  advance(base: number): void;
  /** A layer as it is with all pages of a set that has `frames`, which the next call replaces. At the end of a prompt, as it cuts a submit in two. */
  whole(layer: KvLayer): Promise<KvLayer>;
  /** Puts words at the beginning of a buffer of `scratch`, for what is encoded after. At the end of a prompt, as it may cut a submit in two. */
  write(buffer: GPUBuffer, words: Uint32Array<ArrayBuffer>): void;
  /** Copies bytes of a buffer into another, in order with what is encoded. */
  copy(from: { buffer: GPUBuffer; offset: number }, to: { buffer: GPUBuffer; offset: number }, byteLength: number): void;
  /** What a buffer holds after all that was encoded so far. Only at the end of a prompt: it waits for the GPU. */
  read(buffer: GPUBuffer, byteLength: number): Promise<ArrayBuffer>;
  /** Is told of long work of the processor, and awaited: others have turns meanwhile. Rejects to end the tick, which empties the sequence. */
  rest: Rest;
}

export interface TickWork {
  label: string;
  kernel: KernelSpec;
  params: Record<string, number>;
  /** By the name of the variable in WGSL. */
  bindings: Record<string, GPUBuffer | Binding>;
  grid: [number, number?, number?];
}
