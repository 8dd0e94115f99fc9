// attended = softmax(query · keys * scale) · values; causal, of the last `window` positions if given. Decode splits the
// positions among workgroups (FlashDecoding, 2023) and joins their partial sums; prefill keeps a head's sums in registers.
import { type Dispatch, type Step } from '../../gpu/program.ts';
import { wgslNumber } from '../../gpu/kernels.ts';
import { type Heads, type ModelConfig, type Op } from '../graph.ts';
import { type KernelChoice, attentions } from '../choices/kernel-choice.ts';
import { type KvSet, type Operation, type Place, type RecordContext, type ScratchSizes, type SequenceBuffers, pad32 } from '../operation.ts';
import { attentionOf, joinedIn, sharing, splitsOf, turnsQueries } from '../blocks/decode-attention.ts';
import { isWide, lanesOf, vectorFiles } from '../blocks/products.ts';
import { type Rope, queryFloats, turnOf } from './rope.ts';

export interface Attend extends Op {
  op: 'attend';
  layer: number;
  scale: number;
  /** Default: the model's. */
  shape?: Heads;
  window?: number;
  /** Scores become softcap * tanh(score / softcap), as in Gemma 2. */
  softcap?: number;
  /** Tensor of a score for each head that takes part in the softmax and has no value (Xiao et al., arXiv 2309.17453). */
  sinks?: string;
  /** The operation right before it, where decode may do both at once. */
  turns?: Rope;
  /** What it gives is read by the product right behind it alone, which may join its splits in decode. */
  projected?: boolean;
}

export const attend = (given: Omit<Attend, 'op'>): Attend => ({ op: 'attend', ...given });

export const isAttend = (op: Op): op is Attend => op.op === 'attend';

/** The model with the heads of an operation. */
const withShape = ({ shape }: Attend, config: ModelConfig): ModelConfig => ({ ...config, ...shape });

const flag = (value: unknown) => (value ? 1 : 0);

/** What attention of several rows reads and reckons. */
const costOfMany: Operation<Attend>['costs'][string] = ({ params = {} }, { rows, length }, { config: { heads, headDim }, kvPositionBytes }) => {
  const seen = params.window ? Math.min(length, params.window) : length;
  let positions = 0;
  for (let position = length - rows; position < length; position++) positions += Math.min(position + 1, params.window || Infinity);
  return { bytes: 2 * rows * heads * headDim * 4 + Math.min(length, seen + rows) * kvPositionBytes, flops: 4 * heads * headDim * positions };
};

export const operation: Operation<Attend> = {
  name: 'attend',
  vectors: (op, config) => (op.sinks === undefined ? [] : [{ tensor: op.sinks, length: withShape(op, config).heads }]),
  buffers(op, config) {
    const { heads, headDim } = withShape(op, config);
    return { query: queryFloats({ heads, headDim }), attended: pad32(heads * headDim) };
  },
  scratch(op, config, sizes) {
    const shaped = withShape(op, config);
    return { partials: partialsBytes(shaped, sizes), ...joinedBytes(shaped, sizes), ...sortedBytes(shaped, sizes) };
  },
  dispatches(op, context, place, mode, section) {
    const one = attendOne(context, place, section, op);
    const restores = restoresOf(context, section, op);
    if (mode === 'decode') return [...restores, ...notJoined(op.turns ? turnedOne(one, op, op.turns, context, place) : one, op, context)];
    // A sequence that has one row in a step of several attends as in decode: each step of it runs one of the two.
    return [
      ...restores,
      ...attendMany(context, place, section, op).map((each) => onlyFor(each, ({ rows }) => rows > 1)),
      ...one.map((each) => onlyFor(each, ({ rows }) => rows === 1)),
    ];
  },
  costs: {
    'attention-join': ({ params = {} }, { rows }, { config: { heads, headDim } }) =>
      ({ bytes: rows * (params.segments * splitBytes({ heads, headDim }) + heads * headDim * 4), flops: 2 * rows * params.segments * heads * headDim }),
    attention: costOfMany,
    'attention-wide': costOfMany,
    'attention-decode'({ kernel, params = {} }, { length }, { config: { heads, headDim }, kvPositionBytes }) {
      const seen = params.window ? Math.min(length, params.window) : length;
      const partials = splitsOf(length, params.window, kernel.consts!.Span) * splitBytes({ heads, headDim });
      return { bytes: heads * headDim * 4 + seen * kvPositionBytes + partials, flops: 4 * heads * headDim * seen };
    },
    'attention-reduce'({ kernel, params = {} }, { length }, { config: { heads, headDim } }) {
      const splits = splitsOf(length, params.window, kernel.consts!.Span);
      return { bytes: splits * splitBytes({ heads, headDim }) + heads * headDim * 4, flops: 2 * splits * heads * headDim };
    },
  },
};

const onlyFor = (dispatch: Dispatch, runs: (step: Step) => boolean): Dispatch => ({ ...dispatch, grid: (step) => (runs(step) ? dispatch.grid(step) : [0]) });

interface Part {
  files: string[];
  consts: Record<string, number>;
  bindings: Dispatch['bindings'];
}

/** What a kernel has that reads one segment of a layer: a set, or behind those the fresh slots. `alone`: for one row, which may pick from a set. */
function segmentOf({ kv, activations }: RecordContext, { layer }: Attend, segment: number, sets: readonly KvSet[], alone = false): Part {
  const set = sets.at(segment);
  const { read, consts = {} } = (set ?? kv).format;
  const picked = alone ? set?.picked : undefined;
  const biased = set?.biased;
  const bias = biased ? ['kv/bias/planes', 'kv/bias/plane'] : ['kv/bias/none'];
  const [where, seen] = picked ? ['picked', 'picked'] : set ? ['list', 'set'] : sets.length ? ['ring', 'ring'] : ['direct', 'fresh'];
  const bindings: Dispatch['bindings'] = set
    ? {
        ...(set.away && !alone ? wholeOf(layer) : { pages: set.restored ? restoredOf(layer) : pagesOf(layer, segment), lists: listsOf(layer) }),
        ...(picked && { picked: pickedOf(picked.layer) }),
        ...(biased && { planes: (of: SequenceBuffers) => of.sets!(layer).planes! }),
        ...(set.turned && { angles: activations.angles }),
        ...(set.beside !== undefined && { beside: pagesOf(set.beside, segment) }),
      }
    : { pages: (of: SequenceBuffers) => of.fresh(layer) };
  return {
    files: [...read, ...bias, `kv/where/${where}`, 'state', `kv/seen/${seen}`], bindings: { state: stateIn, ...bindings },
    consts: { ...consts, ...picked?.consts, ...biased, ...set?.turned },
  };
}

/** Scores of a segment are divided by its temperature behind the softcap, which is the same as dividing both numbers. */
const tempered = ({ scale, softcap = 0 }: Attend, { temperature = 1 }: Partial<KvSet> = {}) => ({ scale: scale / temperature, softcap: softcap / temperature });

const wholeOf = (layer: number): Dispatch['bindings'] => ({
  pages: (of: SequenceBuffers) => of.sets!(layer).whole!.pages, lists: (of: SequenceBuffers) => of.sets!(layer).whole!.lists,
});

const pagesOf = (layer: number, segment: number) => (of: SequenceBuffers) => of.sets!(layer).pages[segment];

const restoredOf = (layer: number) => (of: SequenceBuffers) => of.sets!(layer).restored!;

const listsOf = (layer: number) => (of: SequenceBuffers) => of.sets!(layer).lists;

const pickedOf = (layer: number) => (of: SequenceBuffers) => of.sets!(layer).picked!;

const answerOf = (layer: number) => (of: SequenceBuffers) => of.sets!(layer).answer!;

const stateIn = (of: SequenceBuffers) => of.state;

function setsOf({ kv }: RecordContext, { layer, window }: Attend): readonly KvSet[] {
  const sets = kv.sets?.(layer) ?? [];
  if (window && sets.length) throw new Error(`Layer ${layer} sees a window of ${window} positions: a set, which knows no positions, cannot be part of it.`);
  return sets;
}

/** What makes again what attention reads, where there are latents in its place. */
function restoresOf(context: RecordContext, section: string, op: Attend): Dispatch[] {
  const { kv, activations: { angles } } = context;
  return setsOf(context, op).some(({ restored, remade }) => restored || remade) ? kv.restores!(op.layer, { section, angles }) : [];
}

/** What a head's softmax begins with, before all slots. */
function sinksOf({ vectors, vectorOffset }: Place, sinks: string | undefined): { files: string[]; bindings: Dispatch['bindings']; sinks: number } {
  if (sinks === undefined) return { files: ['sinks/none'], bindings: {}, sinks: 0 };
  return { files: ['sinks/some'], bindings: { vectors }, sinks: vectorOffset(sinks) };
}

/** One segment gives the result; of several each gives its part, and one dispatch more joins them. */
function attendMany(context: RecordContext, place: Place, section: string, op: Attend): Dispatch[] {
  const { activations: { buffers, strides, rows: mostRows }, graph, choice } = context;
  const config = withShape(op, graph.config);
  const groupSize = config.heads / config.kvHeads;
  const vec4s = Math.ceil(config.headDim / 4);
  const { kernel, rows: rowsEach, ...how } = kernelOfMany(vec4s, choice);
  const sets = setsOf(context, op);
  const sizes = { heads: config.heads, head_dim: config.headDim, stride: strides.attended, most_rows: mostRows };
  const segments = [...sets, undefined].map((set, segment): Dispatch => {
    const { files, bindings, consts } = segmentOf(context, op, segment, sets);
    const before = sinksOf(place, set ? undefined : op.sinks);
    return {
      label: `${section}.attend`,
      kernel: {
        kernel, files: [...files, 'head/attended', ...before.files, ...how.files], consts: { ...consts, ...how.consts },
        constants: { Joined: flag(sets.length), Softcap: flag(op.softcap) },
      },
      params: {
        ...sizes, kv_heads: config.kvHeads, window: op.window ?? 0, ...tempered(op, set),
        segment, set_index: segment, sinks: before.sinks,
      },
      bindings: { ...bindings, ...before.bindings, query: buffers.query, attended: sets.length ? buffers.joined : buffers.attended },
      grid: ({ rows, of }) => [isHashed(op, set, of) ? 0 : Math.ceil((rows * groupSize) / rowsEach), config.kvHeads],
    };
  });
  if (!sets.length) return segments;
  const [{ hashed } = {}] = sets;
  const { head, consts: ofHead } = headParts(vec4s, choice, hashedThreads);
  const hashes = hashed ? context.kv.hashes!(op.layer, {
    section, config, ...tempered(op), query: buffers.query, joined: buffers.joined, sorted: buffers.sorted, rows: mostRows, context: hashed.context,
    head: { files: head, consts: ofHead },
  }).map((each) => onlyFor(each, ({ of }) => isHashed(op, sets[0], of))) : [];
  return [...hashes, ...segments, {
    label: `${section}.attend.join`,
    kernel: { kernel: 'attention-join', files: ['state'], consts: { HeadVec4s: vec4s } },
    params: { ...sizes, segments: segments.length, set_scale: sets[0].scale ?? 1 },
    bindings: { state: stateIn, joined: buffers.joined, attended: buffers.attended },
    grid: ({ rows }) => [Math.ceil((config.heads * vec4s) / 64), rows],
  }];
}

/** Whether a set is so long that it is read by buckets. */
const isHashed = ({ layer }: Attend, set: KvSet | undefined, of: unknown): boolean =>
  set?.hashed !== undefined && (of as SequenceBuffers).sets!(layer).read[0] >= set.hashed.from;

/** Threads that no workgroup of prefill's attention passes: WebGPU's default limit. */
const mostThreads = 256;
/** The same where slots are read by buckets: beside scores of so many threads there is room in 16 KiB for what all of them read. */
const hashedThreads = 128;

/** The kernel that attends for many rows of heads of `vec4s` vectors, and the rows of a workgroup. */
function kernelOfMany(vec4s: number, choice: KernelChoice): { kernel: string; rows: number; files: string[]; consts: Record<string, number> } {
  const { part, prefill, lanes } = choice;
  // Where what products read serves many rows, so does what attention reads; and where a thread had parts of a head, it has not the room.
  if (part || !isWide(prefill)) return { kernel: 'attention', ...headParts(vec4s, choice) };
  const items = Math.max(1, Math.min(4, Math.floor(128 / vec4s)));
  const consts = { HeadVec4s: vec4s, Items: items, Lanes: lanes || lanesOf(prefill) };
  return { kernel: 'attention-wide', rows: items * wgslNumber('attention-wide', 'Width'), files: ['eight/shared'], consts };
}

/** Query rows of one key/value head that a workgroup of prefill's attention takes. */
export const rowsOfMany = (headDim: number, choice: KernelChoice): number => kernelOfMany(Math.ceil(headDim / 4), choice).rows;

/** How prefill's attention shares a head of `vec4s` vectors among threads, and the rows of a workgroup. */
function headParts(
  vec4s: number,
  { part, uniform, lanes, prefill }: Pick<KernelChoice, 'part' | 'uniform' | 'lanes' | 'prefill'>,
  threads = mostThreads,
): { rows: number; head: string[]; files: string[]; consts: Record<string, number> } {
  const rowsOf = (dims: number) => Math.min(64, 2 ** Math.floor(Math.log2(threads / Math.ceil((4 * vec4s) / dims))));
  // The smallest parts of the largest heads would leave fewer rows than a subgroup may have threads, which could not read together; by themselves
  // their threads have the same, so that what is compiled and tested is one shape.
  const dims = part === 16 && rowsOf(part) < 32 ? 32 : part;
  const partVec4s = dims && dims < 4 * vec4s ? dims / 4 : vec4s;
  const parts = Math.ceil(vec4s / partVec4s);
  const rows = rowsOf(4 * partVec4s);
  // What is faster for products, reading for oneself or together, is so for keys and values where nothing else is known.
  // A subgroup that is larger than the rows has several parts, whose threads read something else each.
  const whole = parts === 1 || (uniform > 0 && uniform <= rows);
  const together = whole ? lanes ?? lanesOf(prefill) : 0;
  const head = parts > 1 ? ['head/parts', whole ? 'head/by-subgroup' : 'head/by-thread'] : ['head/whole'];
  return {
    rows, head, files: [...head, ...(together ? ['eight/shared', 'eight/broadcast'] : ['eight/direct'])],
    consts: { HeadVec4s: vec4s, PartVec4s: partVec4s, Parts: parts, Rows: rows, ...(together ? { Lanes: together } : {}) },
  };
}

/** Splits of all segments, those of sets first, which are joined together. */
function attendOne(context: RecordContext, place: Place, section: string, op: Attend): Dispatch[] {
  const { activations: { buffers, strides }, graph, choice } = context;
  const config = withShape(op, graph.config);
  const { workgroups, headsEach } = sharing(config);
  const { span, threads } = attentionOf(config, choice);
  const consts = { HeadVec4s: Math.ceil(config.headDim / 4), Threads: threads, Span: span };
  const window = op.window ?? 0;
  const before = sinksOf(place, op.sinks);
  const sizes = { heads: config.heads, kv_heads: config.kvHeads, head_dim: config.headDim, head_vec4s: consts.HeadVec4s, window };
  const sets = setsOf(context, op);
  const setSplits = Math.max(0, ...sets.map(({ mostSlots }) => Math.ceil(mostSlots / span)));
  const attend = (grid: (step: Step) => number, segment: number): Dispatch => {
    const { files, bindings, consts: own } = segmentOf(context, op, segment, sets, true);
    return {
      label: `${section}.attend`,
      kernel: {
        kernel: 'attention-decode', files: [...files, 'query/stored'], consts: { ...own, ...consts, Heads: headsEach },
        constants: { Softcap: flag(op.softcap) },
      },
      params: { ...sizes, ...notTurned, ...tempered(op, sets.at(segment)), first_split: segment * setSplits, set_index: segment },
      bindings: { ...bindings, query: buffers.query, partials: buffers.partials },
      grid: (step) => [grid(step), config.kvHeads, workgroups],
    };
  };
  const picked = sets.at(0)?.picked;
  const answered = sets.at(0)?.answered;
  const seen = sets.length ? ['kv/seen/ring', `kv/splits/${answered ? 'answered' : picked ? 'picked' : 'sets'}`] : ['kv/seen/fresh', 'kv/splits/fresh'];
  const pickAt = { section, config, scale: op.scale, query: buffers.query, scratch: buffers.partials, angles: context.activations.angles };
  const picks = picked ? context.kv.picks!(op.layer, pickAt) : [];
  const [first, ...others] = sets.map((_, segment) => attend(({ of }) => Math.ceil((of as SequenceBuffers).sets!(op.layer).read[segment] / span), segment));
  return [
    ...(picked?.lag ? [] : picks),
    ...(first ? [answered ? { ...first, asks: op.layer } : first, ...others] : []),
    attend(({ length, of }) => splitsOf(length, window, span, sets.length ? (of as SequenceBuffers).base : 0), sets.length),
    {
      label: `${section}.attend.reduce`,
      kernel: { kernel: 'attention-reduce', files: ['state', ...seen, ...before.files], consts },
      params: { ...sizes, stride: strides.attended, sets: sets.length, set_splits: setSplits, sinks: before.sinks, set_scale: sets.at(0)?.scale ?? 1 },
      bindings: {
        ...before.bindings, ...(picked ? { picked: pickedOf(picked.layer) } : sets.length && { lists: listsOf(op.layer) }), state: stateIn,
        partials: buffers.partials, attended: buffers.attended, ...(answered && { answer: answerOf(op.layer) }),
      },
      grid: () => [config.heads],
      ...(answered && { joins: op.layer }),
    },
    ...(picked?.lag ? picks : []), // partials are joined by then, whose room it takes
  ];
}

/** What only attention that turns its queries has. */
const notTurned = {
  stride: 0, qkv_stride: 0, rope_dims: 0, first_angle: 0, query_norm: 0, key_norm: 0, eps: 0, temperature: 0, period: 1,
};

/** The same where the kernel turns the queries: then one split leaves the result by itself. */
function turnedOne(one: Dispatch[], op: Attend, turns: Rope, context: RecordContext, place: Place): Dispatch[] {
  const { activations: { buffers, strides, angles }, graph, choice, kv } = context;
  if (!turnsQueries(op, context)) return one;
  const { span } = attentionOf(withShape(op, graph.config), choice);
  const [{ kernel, params, bindings, ...attend }, reduce] = one;
  const { constants, params: turn } = turnOf(turns, context, place);
  const isAlone = ({ length }: Step) => splitsOf(length, op.window ?? 0, span) === 1;
  return [
    {
      ...attend,
      kernel: {
        ...kernel,
        files: [
          ...kernel.files!.filter((file) => file !== 'query/stored'), ...kv.format.append,
          'norm/head', ...vectorFiles(constants.HasNorm), 'turn', 'query/turned',
        ],
        constants: { ...kernel.constants, ...constants },
      },
      params: { ...params, ...turn, qkv_stride: turn.stride, stride: strides.attended },
      bindings: { ...bindings, vectors: place.vectors, qkv: buffers.qkv, angles, attended: buffers.attended },
    },
    { ...reduce, grid: (step) => (isAlone(step) ? [0] : reduce.grid(step)) },
  ];
}

/** The same, where the product behind it joins splits in some steps: then nothing else does in those. */
function notJoined(one: Dispatch[], op: Attend, context: RecordContext): Dispatch[] {
  const isJoined = joinedIn(op, context);
  if (!isJoined) return one;
  return one.map((each) => (each.kernel.kernel === 'attention-reduce' ? onlyFor(each, (step) => !isJoined(step)) : each));
}

/** Bytes of the partial results of one row, or split: a head's sums, and its maximum and total. */
const splitBytes = ({ heads, headDim }: Pick<ModelConfig, 'heads' | 'headDim'>): number => heads * (Math.ceil(headDim / 4) + 1) * 16;

/**
 * Bytes of the splits of decode, whatever is chosen. Every segment may have as many slots as there are positions, and a ring begins within a split. What
 * picks from a set has room for a word of each slot and head there before.
 */
export const partialsBytes = (config: ModelConfig, { context, segments = 1 }: ScratchSizes): number => {
  const splits = Math.ceil(context / Math.min(...attentions.map(({ span }) => span)));
  return segments > 1 ? Math.max(segments * (splits + 1) * splitBytes(config), 4 * config.heads * context) : splits * splitBytes(config);
};

/** Where there are several segments, what each leaves of the rows of a step. */
const joinedBytes = (config: ModelConfig, { chunk, segments = 1 }: ScratchSizes): Record<string, number> =>
  segments > 1 ? { joined: segments * chunk * splitBytes(config) } : {};

/** Where several rows read sets by buckets, what they sort for it. */
const sortedBytes = ({ heads, kvHeads }: ModelConfig, { chunk, sorted }: ScratchSizes): Record<string, number> =>
  sorted ? { sorted: 4 * kvHeads * sorted((chunk * heads) / kvHeads) } : {};
