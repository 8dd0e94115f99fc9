// The kernels that an 8B model of Llama's shape runs on a GPU where nothing was measured, with what else is often run beside them: for the table of
// docs/performance.md, which `node scripts/gpu-compilers/table.mjs` makes.
import { type KernelSpec } from '../src/gpu/kernels.ts';
import { loadFormats, typeNames } from '../src/formats/catalogue.ts';
import { kvFormat } from '../src/kv/formats/catalogue.ts';
import { type KernelChoice } from '../src/model/choices/kernel-choice.ts';
import { attend } from '../src/model/ops/attend.ts';
import { type Project } from '../src/model/ops/project.ts';
import { kernelsOf, product } from './every-kernel.ts';

const usual: Partial<KernelChoice> = {
  splits: 8, panels: 1, prefill: 'tile', tile: 'f32', few: 8, dot: 'staged', reduce: 'subgroup', span: 128, threads: 128, halves: 'unpack',
};
const cols = 4096;

/** By what people call them; `parts` is how prefill's attention shares heads on the GPU, and the registers that kernels make do with there. */
export async function typicalKernels(parts: Partial<KernelChoice>): Promise<Record<string, KernelSpec>> {
  await loadFormats(typeNames);
  const found: Record<string, KernelSpec> = {};
  const decode = (name: string, type: string, fusion: Partial<Project> = {}, choice: Partial<KernelChoice> = {}): void => {
    [found[`decode ${name}`]] = kernelsOf(product(fusion, cols), 'decode', { ...usual, ...choice }, {}, type, cols);
  };
  decode('Q4_K', 'Q4_K', { add: true });
  decode('Q4_K gate and up', 'Q4_K', { norm: 'norm', gate: 'silu', output: 'hidden' });
  decode('Q4_K, no staging', 'Q4_K', { add: true }, { dot: 'f32' });
  decode('Q4_K in integers', 'Q4_K', { add: true }, { dot: 'i8' });
  for (const type of ['Q6_K', 'Q8_0', 'Q4_0', 'F16', 'MXFP4', 'IQ4_XS']) decode(type, type, { add: true });
  decode('IQ4_XS, its values in a table', 'IQ4_XS', { add: true }, { dot: 'table' });
  for (const tile of ['f32', 'f16', 'i16', 'i8'] as const) {
    const kernels = kernelsOf(product({ add: true }, cols), 'prefill', { ...usual, tile, registers: parts.registers }, {}, 'Q4_K', cols);
    found[`prefill Q4_K, ${tile} tile`] = kernels.find(({ kernel }) => kernel.startsWith('matmul'))!;
    found['2 to 8 rows Q4_K'] = kernels.find(({ kernel }) => kernel === 'matvec-few')!;
  }
  for (const headDim of [64, 128, 256]) {
    const of = (mode: 'decode' | 'prefill') =>
      kernelsOf(attend({ layer: 0, scale: 1 }), mode, { ...usual, ...parts }, { heads: 4, kvHeads: 1, headDim }, 'F32', 64, kvFormat('f16'));
    found[`prefill attention, heads of ${headDim}`] = of('prefill').find(({ constants, files = [] }) => !constants?.Joined || !files.includes('kv/seen/set'))!;
    found[`decode attention, heads of ${headDim}`] = of('decode')[0];
  }
  return found;
}
