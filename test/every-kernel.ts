// Every kernel that a model can be recorded with: all types, fusions, widths, formats of keys and values, and shapes, on any device but those with
// subgroup matrices. For compilers to look at; nothing runs.
import { knownChoices } from '../src/engine/measure/tune/choice-text.ts';
import { formats, loadFormats, typeNames } from '../src/formats/catalogue.ts';
import { columnForm } from '../src/formats/columns.ts';
import { panelLayout } from '../src/formats/panel.ts';
import { type KernelCache, type KernelSpec, createKernelCache, kernelKey } from '../src/gpu/kernels.ts';
import { createLedger } from '../src/gpu/ledger.ts';
import { openModel } from '../src/engine/load/opened.ts';
import { readHeader } from '../src/gguf/read.ts';
import { bytesSource } from '../src/weights/source/source.ts';
import { type Binding } from '../src/gpu/program.ts';
import { kvFormat, kvFormats } from '../src/kv/formats/catalogue.ts';
import { type KvFormat } from '../src/kv/formats/format.ts';
import { activationStrides, createActivations } from '../src/model/activations.ts';
import { type Graph, type ModelConfig, type Op } from '../src/model/graph.ts';
import { pickRows } from '../src/model/blocks/chosen-rows.ts';
import { type KeysValues } from '../src/model/operation.ts';
import { type Attend, attend, isAttend } from '../src/model/ops/attend.ts';
import { embed } from '../src/model/ops/embed.ts';
import { experts } from '../src/model/ops/rare/experts.ts';
import { normAdd } from '../src/model/ops/norm-add.ts';
import { blend } from '../src/model/ops/rare/blend.ts';
import { convolve } from '../src/model/ops/rare/convolve.ts';
import { gatedNorm } from '../src/model/ops/rare/gated-norm.ts';
import { headProject } from '../src/model/ops/rare/head-project.ts';
import { latent } from '../src/model/ops/rare/latent.ts';
import { layerNorm } from '../src/model/ops/rare/layer-norm.ts';
import { expertGates } from '../src/model/ops/rare/expert-gates.ts';
import { neurons } from '../src/model/ops/rare/neurons.ts';
import { scan } from '../src/model/ops/rare/scan.ts';
import { shift } from '../src/model/ops/rare/shift.ts';
import { squash } from '../src/model/ops/rare/squash.ts';
import { wkv } from '../src/model/ops/rare/wkv.ts';
import { type Project, project } from '../src/model/ops/project.ts';
import { type Rope, rope } from '../src/model/ops/rope.ts';
import { route } from '../src/model/ops/rare/route.ts';
import { record } from '../src/model/operations.ts';
import { addPolicyShaders } from '../src/kv/policies/shaders.ts';
import { addRareOperations } from '../src/model/rare-operations.ts';
import { type MatrixPart, sharing } from '../src/model/blocks/products.ts';
import { createSamplerScratch } from '../src/model/sampling/buffers.ts';
import { compiled, createSamplers } from '../src/model/sampling/sampler.ts';
import { type Mode, type KernelChoice, attentions } from '../src/model/choices/kernel-choice.ts';
import { fakeDevice } from './doubles/fake-device.ts';
import { fixture } from './models/fixture.ts';
import { policyKernels } from './policy-kernels.ts';

addRareOperations();
addPolicyShaders();

const { splits, panels, tile, few, dot, reduce } = knownChoices;
const kvs = [...kvFormats.values()];
const prefills = knownChoices.prefill.flatMap((prefill): Partial<KernelChoice>[] =>
  prefill === 'tile' ? tile.map((each) => ({ prefill, tile: each })) : [{ prefill }],
);
const plain: KernelChoice = {
  splits: 1, panels: 1, prefill: 'rows', tile: 'f32', few: 0, dot: 'f32', reduce: 'workgroup', span: 128, threads: 32, part: 0, uniform: 0, chunk: 256,
};
/** Those that kernels make do with while `everyKernel` records them. */
let registers: KernelChoice['registers'];
const noConfig: ModelConfig = { architecture: 'none', layers: 1, dim: 64, heads: 1, kvHeads: 1, headDim: 64, ffn: 64, vocab: 64, context: 256, eps: 1e-5 };

const binding = (label: string): Binding => ({ buffer: { label } as GPUBuffer });

/** The kernels that one operation is recorded with, of a matrix of `type` with `cols` columns if it has one. */
export function kernelsOf(
  op: Op,
  mode: Mode,
  choice: Partial<KernelChoice>,
  config: Partial<ModelConfig> = {},
  type = 'F32',
  cols = 64,
  kv = kvFormat('f32'),
  keysValues?: KeysValues,
): KernelSpec[] {
  const format = formats.get(type)!;
  const graph = {
    config: { ...noConfig, ...config },
    ropes: [
      { dims: 4, layout: 'pairs' },
      { dims: 4, layout: 'halves' },
    ],
  } as Graph;
  const strides = activationStrides(graph.config, isAttend(op) && op.turns ? [op, op.turns] : [op]);
  const buffers = Object.fromEntries([...Object.keys(strides), 'partials', 'joined', 'expert-order', 'expert-starts'].map((name) => [name, binding(name)]));
  const activations = { buffers, strides, state: binding('state'), ids: binding('ids'), angles: binding('angles'), firstAngles: [0, 0], rows: 64 };
  const part: MatrixPart = {
    matrix: {
      format,
      rows: 64,
      cols,
      parts: [
        { rows: 32, targetRow: 0 },
        { rows: 32, targetRow: 32 },
      ],
      panels: panelLayout(format, 64, cols),
    },
    binding: binding('weights'),
    whole: { binding: binding('weights'), first: 256 },
    panels: 2,
    firstRow: 0,
    rows: 64,
  };
  // Attention without a window also has a segment of older slots.
  const sets = isAttend(op) && !op.window && !op.turns ? [{ format: kv, mostSlots: 64 }] : [];
  const context = { graph, choice: { ...plain, registers, ...choice }, activations, kv: keysValues ?? { format: kv, sets: () => sets } };

  const stacks = [0, 1].map(() => [{ ...part.matrix, offset: 0 }]);
  const form = columnForm(type);
  const columns = form && { form, first: 0, scales: 0, up: { form, scales: 0 } };
  const pool = [{ binding: part.binding, table: binding('table'), slotBytes: 256, stacks, ...(columns && { columns }) }];
  const place = { vectors: binding('vectors'), vectorOffset: () => 0, stacks: [[part]], pool };
  return record(op, context, place, mode, 'section').map(({ kernel }) => kernel);
}

export const product = (fusion: Partial<Project>, cols: number): Project =>
  project({ input: 'x', output: 'x', cols, matrices: [{ tensor: 'matrix', firstRow: 0, rows: 64 }], ...fusion });

/** Products that share a bind group with those beside them. */
const beside = { residual: 'x', hidden: 'hidden' };
const [up, down] = (['up', 'down'] as const).map((role): Partial<Project> => ({ shares: { role, ...beside } }));

/** All sets of what is fused into a product. */
const fusions = [{}, { norm: 'norm' }].flatMap((norm): Partial<Project>[] =>
  [{}, { bias: ['bias'] }].flatMap((bias) => [
    { ...norm, ...bias },
    { ...norm, ...bias, add: true, ...('norm' in norm || 'bias' in bias ? {} : { input: 'hidden', ...down }) },
    { ...norm, ...bias, softcap: 30, output: 'logits' as const },
    { ...norm, ...bias, output: 'logits' as const },
    { ...norm, ...bias, gate: 'silu' as const, output: 'hidden' as const, ...('norm' in norm ? up : {}) },
    { ...norm, ...bias, gate: 'gelu' as const, output: 'hidden' as const },
  ]),
);

/** What some families fuse besides. */
const unusual: Partial<Project>[] = [
  { add: true, scale: 2 },
  { norm: 'norm', scale: 2, output: 'logits' },
  { norm: 'norm', center: true },
  { norm: 'norm', activation: { kind: 'relu2' }, output: 'hidden' },
  { norm: 'norm', activation: { kind: 'xielu', negative: 1, positive: 1, beta: 1, most: 0 }, output: 'hidden' },
];

function plainProducts(): KernelSpec[] {
  const ofGrids = dot.filter((kind) => !sharing(kind));
  const decodes = [
    ...splits.flatMap((each) => panels.flatMap((panel) => ofGrids.map((kind): Partial<KernelChoice> => ({ splits: each, panels: panel, dot: kind })))),
    ...dot.filter(sharing).map((kind): Partial<KernelChoice> => ({ dot: kind })),
  ];
  const many = [...prefills, ...few.map((each): Partial<KernelChoice> => ({ few: each }))];
  const of = (type: string, n: number, mode: Mode, choice: Partial<KernelChoice>[]) =>
    choice.flatMap((each, i) => {
      // Of the first type every fusion, of the others two each, which go round.
      const some = n === 0 ? [...fusions, ...unusual] : [fusions[(n + i) % fusions.length], fusions[(n + i + 7) % fusions.length]];
      return some.flatMap((fusion, f) => kernelsOf(product(fusion, f % 2 ? 8192 : 256), mode, each, {}, type, f % 2 ? 8192 : 256));
    });
  return [...formats.keys()].flatMap((type, n) => [
    ...kernelsOf(embed({ table: 'matrix', scale: 1, output: 'x' }), 'decode', {}, {}, type, 256),
    ...of(type, n, 'decode', decodes), ...of(type, n, 'prefill', many),
  ]);
}

/** Widths of heads: those that common models have, and others that divide threads and vectors oddly. */
const headDims = [2, 6, 8, 32, 64, 80, 96, 112, 128, 160, 192, 256, 512];

/** How prefill's attention shares heads among threads on GPUs. */
const parts: Partial<KernelChoice>[] = [
  { part: 16 }, { part: 32 }, { part: 64, uniform: 64 }, { part: 32, uniform: 32, lanes: 4 }, { part: 16, uniform: 32, lanes: 4 },
];

/** Attention that turns its queries: one shape of each number of threads. */
function turningKernels(op: Attend, headDim: number, kv: KvFormat): KernelSpec[] {
  return [1, 4, 8].flatMap((heads) => [attentions[0], attentions[3]].flatMap((choice) => {
    const turns: Attend = { ...op, turns: rope({ layer: 0, rope: heads % 2, queryNorm: heads === 4 ? undefined : 'norm' }) };
    return kernelsOf(turns, 'decode', { ...choice, turned: 1 }, { heads, headDim }, 'F32', 64, kv);
  }));
}

/** Most heads whose splits are joined, and columns of which as many are staged at a time as ever: the most workgroup memory. */
const [headsJoined, colsJoined] = [96, 8192];

/** Output projections that join splits of attention: each way to stage for each type, and heads of each width for one. */
function joiningKernels(): KernelSpec[] {
  const of = (type: string, headDim: number, choice: Partial<KernelChoice>, more: Partial<Project> = {}) => {
    const joins = { ...attend({ layer: 0, scale: 1 }), projected: true };
    const op = product({ input: 'attended', add: true, joins, ...more }, colsJoined);
    const config = { heads: headsJoined, headDim };
    const specs = kernelsOf(op, 'decode', { ...choice, joined: 1 }, config, type, colsJoined, undefined, { format: kvFormat('f32') });
    if (!specs.some(({ files = [] }) => files.includes('from/splits'))) throw new Error(`${type}, heads of ${headDim}: nothing joins splits`);
    return specs;
  };
  const shares = { role: 'back', ...beside, joins: { layer: 0, projected: true } } as const;
  return [
    ...[...formats.keys()].flatMap((type) => dot.filter((each) => !sharing(each)).flatMap((each) => of(type, 64, { splits: 8, dot: each }, { shares }))),
    ...[4, 8, 32, 128, 256, 512].flatMap((headDim) => splits.flatMap((each) => of('Q4_K', headDim, { splits: each, dot: 'staged' }))),
  ];
}

function attention(): KernelSpec[] {
  const ops = [100, undefined].map((window) => attend({ layer: 0, scale: 1, window }));
  const fewer = [attend({ layer: 0, scale: 1, softcap: 50 }), attend({ layer: 0, scale: 1, sinks: 'sinks' })];
  const dimsOf = (op: Op) => (fewer.some((each) => each === op) ? [64, 128, 256] : headDims);
  return [...ops, ...fewer].flatMap((op) => dimsOf(op).flatMap((headDim) => kvs.flatMap((kv) => [
    ...[...prefills, ...parts].flatMap((choice) => kernelsOf(op, 'prefill', choice, { headDim }, 'F32', 64, kv)),
    ...(isAttend(op) && op.sinks === undefined ? turningKernels(op, headDim, kv) : []),
    ...[1, 2, 3, 4, 5, 6, 7, 8].flatMap((heads) => attentions.flatMap((choice) => kernelsOf(op, 'decode', choice, { heads, headDim }, 'F32', 64, kv))),
  ])));
}

function others(): KernelSpec[] {
  const how: Partial<Rope>[] = [
    {}, { normOf: 'all' }, { order: 'rotate-norm' }, { temperature: { scale: 1, period: 1 } }, { valueNorm: true }, { queriesOnly: true },
  ];
  const ropes = [0, 1].flatMap((index) =>
    [undefined, 'norm'].flatMap((norm) => how.map((each) => rope({ layer: 0, rope: index, queryNorm: norm, keyNorm: norm, ...each }))),
  );
  return [
    ...kvs.flatMap((kv) => ropes.flatMap((op) => [64, 512].flatMap((headDim) => kernelsOf(op, 'decode', {}, { headDim }, 'F32', 64, kv)))),
    ...reduce.flatMap((each) => [
      ...[{}, { add: false }, { scale: 'scale' }, { factor: 2, groups: { count: 2, width: 32 } }].flatMap((how) =>
        kernelsOf(normAdd({ input: 'x', weight: 'norm', output: 'branch', ...how }), 'decode', { reduce: each })),
      ...[false, true].flatMap((center) => kernelsOf(product({ norm: 'norm', center }, 64), 'prefill', { reduce: each })),
    ]),
  ];
}

/** Experts with each activation, and with their gates apart. */
export const mixtureOps: Op[] = (() => {
  const rows = { tensor: 'matrix', firstRow: 0, rows: 64 };
  const sizes = { experts: 2, used: 1, gate: rows, up: rows, down: rows, cols: 256, hidden: 32 };
  const biases = { gate: 'gate', up: 'up', down: 'down' };
  const hows = [{ activation: 'silu' }, { activation: 'gelu', add: false }, { activation: 'relu' }, { activation: 'clamped', biases }] as const;
  return [
    ...hows.map((how) => experts({ input: 'x', norm: 'norm', output: 'x', ...sizes, ...how })),
    expertGates({ input: 'x', norm: 'norm', normed: 'normed', output: 'expert-hidden', ...sizes }),
  ];
})();

function mixtures(): KernelSpec[] {
  const groups = { count: 4, used: 2 };
  const routes = (['softmax', 'sigmoid'] as const).flatMap((scores) =>
    [undefined, 'bias'].flatMap((bias) =>
      [true, false].map((on) => route({
        input: 'router', experts: 8, used: 2, scores, bias, normalise: on, groups: on ? groups : undefined, scale: 1, expertScale: bias && 'scale',
      }))));
  const some = <T>(list: readonly T[], n: number): readonly T[] => (n === 0 ? list : [list[n % list.length]]);
  return [
    ...routes.flatMap((op) => kernelsOf(op, 'decode', {})),
    ...[...formats.keys()].flatMap((type, n) =>
      mixtureOps.flatMap((op) => [
        ...some(splits, n).flatMap((each) => kernelsOf(op, 'decode', { splits: each }, {}, type, 256)),
        ...some(few, n).flatMap((each) => kernelsOf(op, 'prefill', { few: each }, {}, type, 256)),
      ])),
  ];
}

/** What mixes tokens in place of attention, and gates. */
function mixers(): KernelSpec[] {
  const conv = { name: 'state', input: 'mixer', first: 0, channels: 64, width: 4, weight: 'weight', output: 'convolved' };
  const convolutions = [convolve({ ...conv, silu: true, bias: 'bias' }), convolve({ ...conv, silu: false, gates: { before: 0, after: 64 } })];
  const scans = (['ssd', 'delta'] as const).flatMap((kind) => [16, 32, 64, 128, 256].map((keyDim, i) => scan({
    kind, name: 'state', input: 'convolved', columns: { query: 0, key: 512, value: 1024 }, scalars: 'mixer', step: 0, beta: 0, heads: 2, keyHeads: 1,
    shared: i % 2 ? 'runs' : 'turns', keyDim, valueDim: 64, stepBias: 'bias', decay: 'decay', skip: i % 2 ? 'skip' : undefined, output: 'scanned',
  })));
  const norms = [undefined, { weight: 'norm', each: 'own', last: true }, { weight: 'norm', each: 'same', last: false }] as const;
  const gates = (['silu', 'sigmoid', 'gelu'] as const).flatMap((activation, i) => norms.map((norm) =>
    gatedNorm({ input: 'scanned', gate: 'mixer', column: 0, one: i === 1, activation, groups: 2, width: 32, norm, output: 'mixed' })));
  const matrix = { tensor: 'matrix', firstRow: 0, rows: 64 };
  const heads = headProject({ heads: 2, matrix, cols: 256, input: 'x', first: 0, step: 256, output: 'qkv', to: 0, toStep: 64 });
  const latents = latent({ input: 'x', norm: 'norm', latentDim: 64, rotatedDim: 16, queries: 'query-parts', first: 0, heads: 2, output: 'qkv' });
  return [
    ...[...formats.keys()].flatMap((type) => kernelsOf(heads, 'decode', {}, {}, type, 256)),
    ...ofNeurons(),
    ...mixersOf([...convolutions, ...scans, ...gates, latents, ...ofRwkv()]),
  ];
}

/** Neurons that are on: a form for each of the types that have one, and the halves of their scales both ways. */
function ofNeurons(): KernelSpec[] {
  const rows = { tensor: 'matrix', firstRow: 0, rows: 64 };
  const given = { input: 'hidden', down: rows, neurons: 64, output: 'x' };
  const gated = { input: 'x', norm: 'norm', cols: 64, up: rows };
  const ops = [neurons(given), neurons({ ...given, gated }), neurons({ ...given, gated, experts: { count: 2, used: 1 } })];
  return [...formats.keys()].filter((type) => columnForm(type)).flatMap((type) => ops.flatMap((op) =>
    (['decode', 'prefill'] as const).flatMap((mode) => (['integers', 'unpack'] as const).flatMap((halves) => kernelsOf(op, mode, { halves }, {}, type)))));
}

function ofRwkv(): Op[] {
  const named = { receptance: 'a', key: 'b', value: 'c', decay: 'd', rate: 'e', gate: 'f' };
  const vectors = { keyScale: 'scale', keyRate: 'rate', bonus: 'bonus', weight: 'weight', bias: 'bias' };
  return [
    ...[true, false].map((keeps) => shift({ name: 'state', input: 'x', width: 64, weight: 'weight', part: 0, parts: 1, shape: [64], keeps, output: 'mixed' })),
    ...(['tanh', 'sigmoid'] as const).map((by) => squash({ buffer: 'narrow', width: 16, by })),
    ...[32, 64, 128].map((headDim) => wkv({ name: 'state', ...named, ...vectors, heads: 2, headDim, output: 'answer' })),
    blend({ input: 'a', gate: 'b', width: 64, output: 'c' }),
    layerNorm({ input: 'x', weight: 'weight', bias: 'bias', output: 'read' }),
  ];
}

const mixersOf = (ops: Op[]): KernelSpec[] =>
  ops.flatMap((op) => (['decode', 'prefill'] as const).flatMap((mode) => kernelsOf(op, mode, {})));

function chosenRows(): KernelSpec[] {
  const context = { activations: { buffers: { x: binding('x') }, strides: { x: 64 } } } as unknown as Parameters<typeof pickRows>[0];
  return [pickRows(context, { rows: binding('rows'), state: binding('state'), x: binding('chosen') }).kernel];
}

async function sampling(): Promise<KernelSpec[]> {
  const { device } = fakeDevice();
  const specs: KernelSpec[] = [];
  const cache = createKernelCache(device);
  const kernels: KernelCache = { ...cache, get: (spec) => (specs.push(spec), cache.get(spec)) };
  const ledger = createLedger(device, Infinity);
  const { vocab } = noConfig;
  const activations = createActivations(ledger, { config: noConfig, ropes: [] } as unknown as Graph, [], { chunk: 64, logitsRows: 1, context: 64 });
  const samplerFor = createSamplers(device, ledger, kernels, vocab, createSamplerScratch(ledger, vocab, activations.buffers.logits));
  const mask = new Uint32Array(vocab / 32).fill(1);
  const all = { logprobs: 1, logitBias: { 1: 1 }, repeatPenalty: 1.1, dry: { multiplier: 1 }, mask, typicalP: 0.9 };
  for (const temperature of [0, 1]) await compiled(samplerFor, { seed: 0, ...all, temperature });
  return specs;
}

/** Of a model with heads of 64, in groups of as many as it has. */
async function ofPolicies(): Promise<KernelSpec[]> {
  const { graph } = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-llama-f16.gguf'), 'tiny')));
  const { config } = graph;
  const all = await Promise.all(kvs.map((kv) => policyKernels(graph, kv, ({ keysValues }) => {
    const of = (op: Op, mode: Mode, choice: Partial<KernelChoice>) => kernelsOf(op, mode, choice, config, 'F32', 64, kv, keysValues);
    const attends = [attentions[0], attentions[3]].flatMap((choice) =>
      (['decode', 'prefill'] as const).flatMap((mode) => of(attend({ layer: 0, scale: 1 }), mode, choice)));
    const inParts = parts.flatMap((choice) => of(attend({ layer: 0, scale: 1 }), 'prefill', choice));
    return [...attends, ...inParts, ...of(rope({ layer: 0, rope: 0 }), 'decode', {})];
  })));
  return all.flat();
}

/** Each once, as those are that make do with so many registers: of a GPU, or as many as they like. */
export async function everyKernel(within?: KernelChoice['registers']): Promise<KernelSpec[]> {
  await loadFormats(typeNames);
  registers = within;
  const products = [...plainProducts(), ...joiningKernels()];
  const own = [...products, ...attention(), ...others(), ...mixtures(), ...mixers(), ...chosenRows()];
  registers = undefined;
  const all = [...own, ...(await sampling()), ...(await ofPolicies())];
  return [...new Map(all.map((spec) => [kernelKey(spec), spec])).values()];
}
