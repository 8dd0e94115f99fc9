// Which kernels and shapes a device gets before anything is measured: those that suit GPUs.
import { RequestError } from '../../../errors.ts';
import { type Gpu } from '../../../gpu/device.ts';
import { missing } from '../../../model/choices/possible-choices.ts';
import { type AttentionChoice, type KernelChoice, attentions, chunks, usualAttention, usualChunk } from '../../../model/choices/kernel-choice.ts';
import { unitOf } from '../../../model/choices/subgroup-matrix.ts';
import { type LoadOptions } from '../../../protocol.ts';

export function defaultChoice(gpu: Gpu): KernelChoice {
  const { device, features } = gpu;
  const splits = Math.min(8, Math.floor(device.limits.maxComputeInvocationsPerWorkgroup / 32));
  return {
    splits,
    panels: 1,
    prefill: 'tile',
    tile: 'f32', // which no compiler of a GPU makes longer code of than of f16
    few: splits,
    dot: 'staged',
    reduce: features.subgroups ? 'subgroup' : 'workgroup',
    ...usualAttention,
    ...usualParts(gpu),
    ...(gpu.software ? {} : { halves: 'unpack' as const, registers: usualRegisters(gpu) }),
    chunk: usualChunk,
  };
}

/**
 * How prefill's attention shares heads among threads, by what the compilers of makers do with it (docs/performance.md): AMD's GPUs have registers for
 * 64 dimensions and read once for a subgroup, Intel's gain by reading together, and have registers for 16.
 */
export function usualParts(gpu: Pick<Gpu, 'software' | 'vendor' | 'smallestSubgroup' | 'largestSubgroup'>): Pick<KernelChoice, 'part' | 'uniform' | 'lanes'> {
  if (gpu.software) return { part: 0, uniform: 0 };
  const uniform = /^(amd|intel)$/.test(gpu.vendor) ? knownChoices.uniform.find((each) => each === gpu.largestSubgroup) ?? 0 : 0;
  const part = gpu.vendor === 'amd' ? 64 : gpu.vendor === 'intel' ? 16 : 32;
  return { part, uniform, lanes: gpu.vendor === 'intel' && gpu.smallestSubgroup >= 4 ? 4 : 0 };
}

/** Registers of a thread, by what compilers of the makers' GPUs spill: Intel's have 64 floats in a subgroup of 16, Arm's 64 in all. */
export const usualRegisters = ({ software, vendor }: Pick<Gpu, 'software' | 'vendor'>): 0 | 64 | 128 =>
  software ? 0 : /^(amd|nvidia|apple)$/.test(vendor) ? 128 : 64;

const valuesOf = (name: keyof AttentionChoice): number[] => [...new Set(attentions.map((each) => each[name]))].sort((a, b) => a - b);

/** The values of each choice, but for subgroup matrices. */
export const knownChoices = {
  splits: [1, 2, 4, 8, 16, 32],
  panels: [0.25, 0.5, 1, 2, 3, 4],
  prefill: ['tile', 'rows', 'broadcast4', 'broadcast8', 'wide4', 'wide8'] as KernelChoice['prefill'][],
  tile: ['f32', 'f16', 'i16', 'i8'],
  few: [0, 1, 2, 4, 8, 16, 32],
  dot: ['f32', 'staged', 'i8', 'table', 'shared4', 'shared8'],
  reduce: ['workgroup', 'subgroup'],
  span: valuesOf('span'),
  threads: valuesOf('threads'),
  part: [0, 16, 32, 64],
  uniform: [0, 4, 8, 16, 32, 64],
  lanes: [0, 4, 8],
  turned: [0, 1],
  joined: [0, 1],
  halves: ['integers', 'unpack'],
  registers: [0, 64, 128],
  chunk: chunks,
} satisfies { [name in keyof Omit<KernelChoice, 'matrices'>]-?: NonNullable<KernelChoice[name]>[] };

/** KernelChoice from text such as `splits=1,prefill=rows`, over the given ones; RequestError for others. For tests and measurements. */
export function parseChoice(text: string, base: KernelChoice): KernelChoice {
  const choice: Record<string, unknown> = { ...base };
  for (const pair of text.split(',').filter(Boolean)) {
    const [name, value] = pair.split('=');
    const values: readonly (number | string)[] | undefined = Object.hasOwn(knownChoices, name) ? knownChoices[name as keyof typeof knownChoices] : undefined;
    if (!values) throw new RequestError(`"${pair}" is not a kernel choice; known are ${Object.keys(knownChoices).join(', ')}, as in splits=1,prefill=rows.`);
    const chosen = name === 'prefill' && unitOf(value) ? value : values.find((each) => String(each) === value);
    if (chosen === undefined) throw new RequestError(`The kernel choice ${name} is ${value ?? 'not given'}; it can be ${values.join(', ')}.`);
    choice[name] = chosen;
  }
  return choice as unknown as KernelChoice;
}

/** The first shape that rounds to fewer bits than f32, and what it rounds, for people; undefined if none does. */
export function roundingIn({ matrices = {}, ...choice }: KernelChoice): string | undefined {
  for (const { dot, prefill, tile } of [choice, ...Object.values(matrices).map((own) => ({ ...choice, ...own }))]) {
    if (dot === 'i8') return 'dot is i8, which rounds activations to bytes';
    if (unitOf(prefill)?.component === 'f16') return `prefill is ${prefill}, which rounds activations to f16`;
    if (prefill === 'tile' && tile === 'f16') return 'tile is f16, which rounds weights';
    if (prefill === 'tile' && tile !== 'f32') return `tile is ${tile}, which rounds activations to bytes`;
  }
  return undefined;
}

/** What a load begins with: the untuned shapes, changed by `kernels`; RequestError for what the device cannot run, or what would round on the exact path. */
export function choiceFor(gpu: Gpu, { kernels = '', ...options }: Pick<LoadOptions, 'f32' | 'kernels'>): KernelChoice {
  const choice = parseChoice(kernels, defaultChoice(gpu));
  const lack = missing(gpu, choice);
  if (lack) throw new RequestError(`The kernel choice "${kernels}" cannot be used: ${lack}. Leave out what it lacks.`);
  const rounding = options.f32 && roundingIn(choice);
  if (rounding) throw new RequestError(`The kernel choice ${rounding}, but f32 asks for no rounding. Leave out one of the two.`);
  return choice;
}

/** For people: the model's choices by name, then those of kinds of matrices that differ, by kind. */
export function describeChoice({ matrices = {}, ...choice }: KernelChoice): Record<string, string> {
  const others = Object.entries(matrices).map(([kind, choices]): [string, string] => [
    kind,
    Object.entries(choices).filter(([name, value]) => choice[name as keyof typeof choice] !== value).map((pair) => pair.join('=')).join(' '),
  ]);
  return Object.fromEntries([...Object.entries(choice).map(([name, value]): [string, string] => [name, String(value)]), ...others.filter(([, text]) => text)]);
}
