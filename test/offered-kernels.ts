// Which of the kernels that a model can be recorded with a GPU may be offered: those of what tuning tries there (engine/measure/tune), of what a
// load begins with, and integer tiles that are chosen by name. Not what alone a processor gets, nor what a failed check falls back on. Of decode's
// thousands those in which a compiler may need other registers than in the rest.
import { formats } from '../src/formats/catalogue.ts';
import { defaultChoice, usualParts, usualRegisters } from '../src/engine/measure/tune/choice-text.ts';
import { candidates, suits } from '../src/engine/measure/tune/tune.ts';
import { type Gpu } from '../src/gpu/device.ts';
import { type KernelSpec, kernelKey } from '../src/gpu/kernels.ts';
import { type KernelChoice, type MatrixChoice, fitsRegisters, rowsEach } from '../src/model/choices/kernel-choice.ts';
import { type Project } from '../src/model/ops/project.ts';
import { everyKernel, kernelsOf, mixtureOps, product } from './every-kernel.ts';

type Described = Pick<Gpu, 'software' | 'vendor' | 'smallestSubgroup' | 'largestSubgroup'>;

/** A GPU that has whatever kernels can use, but for subgroup matrices. */
const withAll = (gpu: Described): Gpu => ({
  ...gpu, adapterName: gpu.vendor, computes: true, features: { subgroups: true, f16: true, packedDot: true }, matrixUnits: [], maxBindingBytes: 2 ** 30,
  device: { limits: { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 32768 } } as GPUDevice,
});

const shapeOf = ({ splits = 1, panels = 1 }: Pick<MatrixChoice, 'splits' | 'panels'>): string => `${splits} ${rowsEach({ panels })} ${Math.max(1, panels)}`;

/** How a kernel of decode gets its activations, as choices name it; undefined where it joins splits, which it does in each way. */
function dotOf(files: string[]): KernelChoice['dot'] | undefined {
  if (files.includes('from/splits')) return undefined;
  if (files.includes('input/direct')) return 'f32';
  if (files.includes('input/i8')) return 'i8';
  return files.includes('table/none') ? 'staged' : 'table';
}

/** Whether a GPU may be offered a kernel. */
function isOfferedTo(gpu: Gpu): (spec: KernelSpec) => boolean {
  const tried = candidates(gpu, defaultChoice(gpu), false);
  const few = new Set(tried.few.map((choice) => choice.few));
  const decodes = new Set(tried.decode.flatMap((choice) => [`${choice.dot} ${shapeOf(choice)}`, shapeOf(choice)]));
  const tiles = new Set<string | undefined>([...tried.prefill.map(({ tile }) => tile), 'i8']);
  const { part, uniform, lanes = 0 } = usualParts(gpu);
  return ({ kernel, files = [], consts = {}, constants = {} }) => {
    switch (kernel) {
      case 'matvec': {
        const shape = `${consts.Splits} ${consts.RowsEach} ${constants.Panels}`;
        return decodes.has([dotOf(files), shape].filter(Boolean).join(' '));
      }
      case 'matvec-few':
        return few.has(consts.Splits);
      case 'experts':
        return !files.includes('assign/grouped') || few.has(consts.Splits);
      case 'matmul-codes':
        return tiles.has(consts.Bytes === 2 ? 'i16' : 'i8');
      case 'matmul':
        return tiles.has(files.includes('tile/f16') ? 'f16' : 'f32');
      case 'matvec-rows': case 'matvec-broadcast': case 'matvec-wide': case 'matvec-shared': case 'attention-wide': case 'sample-probabilities':
        return false;
      case 'attention-decode': case 'attention-reduce':
        return fitsRegisters({ threads: consts.Threads }, 4 * consts.HeadVec4s);
      case 'attention': {
        const byMaker = files.includes('head/by-subgroup') === uniform > 0 || files.includes('head/whole');
        const most = 4 * consts.HeadVec4s > 128 ? Math.max(part, 32) : part; // of such heads parts of 16 leave too few rows
        return byMaker && 4 * consts.PartVec4s <= most && files.includes('eight/broadcast') === lanes > 0;
      }
      default:
        return true;
    }
  };
}

/** What a product has fused that a thread's registers know of: both halves of a gate at once; and most of what is done with a sum at its end. */
const fullest: Partial<Project>[] = [
  { norm: 'norm', bias: ['bias'], gate: 'gelu', output: 'hidden' },
  { norm: 'norm', bias: ['bias'], softcap: 30, output: 'logits' },
];

/** Products of one row of every type in every shape that is tried, with the most that can be fused. */
function fullestProducts(gpu: Gpu): KernelSpec[] {
  const choice = defaultChoice(gpu);
  const tried = candidates(gpu, choice, false).decode;
  return [...formats.keys()].flatMap((type) => tried.filter(suits(type)).flatMap((each) => fullest.flatMap((fusion) =>
    kernelsOf(product(fusion, 8192), 'decode', { ...each, registers: choice.registers }, {}, type, 8192))));
}

/** Experts of every type with the most threads to a row that are tried, by ways that do what is chosen. */
function fullestExperts(gpu: Gpu): KernelSpec[] {
  const { registers } = defaultChoice(gpu);
  const tried = candidates(gpu, defaultChoice(gpu), false);
  const splits = Math.max(...tried.decode.map((each) => (each.splits ?? 1) * Math.min(1, each.panels ?? 1)));
  const few = Math.max(...tried.few.map((each) => each.few ?? 0));
  return [...formats.keys()].flatMap((type) => mixtureOps.flatMap((op) => [
    ...kernelsOf(op, 'decode', { splits, registers }, {}, type, 256), ...kernelsOf(op, 'prefill', { few, registers }, {}, type, 256),
  ]));
}

const without = (consts: Record<string, number>, ...names: string[]): Record<string, number> =>
  Object.fromEntries(Object.entries(consts).filter(([name]) => !names.includes(name)));

/**
 * What a compiler's registers hang on in a kernel of decode. Hardly on numbers that only size workgroup memory: how many threads share a row, where any
 * do, and how many slots a workgroup of attention takes; nor on what is done once with the sum of a row (docs/performance.md has by how much); and
 * where attention is there with more heads, not on fewer.
 */
function formOf({ kernel, files = [], consts = {}, constants = {} }: KernelSpec): string {
  const sizes = without(consts, 'Splits', 'Groups', 'Span');
  if (['matvec', 'matvec-few', 'experts'].includes(kernel)) return JSON.stringify([kernel, files, sizes, constants.Panels, constants.Gate > 0]);
  if (kernel === 'attention-reduce') return JSON.stringify([kernel, files, sizes]);
  if (kernel !== 'attention-decode') return kernelKey({ kernel, files, consts, constants });
  const { HeadVec4s: vec4s, Threads: threads } = sizes;
  const rest = without(sizes, 'Heads', 'HeadVec4s', 'Threads');
  const shape = [threads, Math.ceil(vec4s / threads), vec4s % 4 > 0, 2 * vec4s > threads]; // its Dims, KeysAhead, and whether it has one team
  return JSON.stringify([kernel, files, rest, shape, constants]);
}

/** How much there is in a kernel, among those of its form. */
function weightOf({ consts = {}, constants = {} }: KernelSpec): number {
  const { Heads: heads = 0, HeadVec4s: vec4s, Groups: groups = 0, Splits: splits = 0 } = consts;
  return 1e6 * heads + 1e3 * (vec4s ?? groups) + 100 * Object.values(constants).filter((each) => each > 0).length + splits;
}

/** The fullest of each form. */
function fullestOf(specs: KernelSpec[]): KernelSpec[] {
  const found = new Map<string, KernelSpec>();
  for (const spec of specs) {
    const form = formOf(spec);
    const before = found.get(form);
    if (!before || weightOf(spec) > weightOf(before)) found.set(form, spec);
  }
  return [...found.values()];
}

/**
 * The kernels that a GPU may be offered, each once. `all`: those of decode too that differ from others in sizes and fusions alone, by which one
 * may see that it is so.
 */
export async function offeredKernels(given: Described, all = false): Promise<KernelSpec[]> {
  const gpu = withAll(given);
  const offered = (await everyKernel(usualRegisters(gpu))).filter(isOfferedTo(gpu));
  const specs = [...offered, ...fullestProducts(gpu), ...fullestExperts(gpu)];
  const once = [...new Map(specs.map((spec) => [kernelKey(spec), spec])).values()];
  return all ? once : fullestOf(once);
}
