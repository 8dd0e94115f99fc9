// The shapes of subgroup matrices, the small matrices whose product a subgroup of some GPUs makes at once
// (https://github.com/gpuweb/gpuweb/blob/main/proposals/subgroup-matrix.md), and which of them shaders/kernels/matmul-matrix.wgsl fits.
import { type MatrixUnit } from '../../gpu/device.ts';
import { wgslNumber } from '../../gpu/kernels.ts';

/** Names prefill by a unit, as in `matrix-f16-16x16x16-32`: M x N x K by subgroups of 32 threads. */
export type MatrixPrefill = `matrix-${MatrixUnit['component']}-${number}x${number}x${number}-${number}`;

export const matrixPrefill = ({ component, m, n, k, threads }: MatrixUnit): MatrixPrefill => `matrix-${component}-${m}x${n}x${k}-${threads}`;

/** The unit that is named; undefined for other ways of prefill. */
export function unitOf(prefill: string): MatrixUnit | undefined {
  const [, component, ...sizes] = /^matrix-(f16|f32)-(\d+)x(\d+)x(\d+)-(\d+)$/.exec(prefill) ?? [];
  if (!component) return undefined;
  const [m, n, k, threads] = sizes.map(Number);
  return { component: component as MatrixUnit['component'], m, n, k, threads };
}

/** Invocations of a workgroup, and rows and tokens of the tile that they share. */
const invocations = 256;
const tile = wgslNumber('rows', 'TileRows');

/** Parts that the 64 tokens of a tile are shared out in; its 64 rows are in as many as make one part for each subgroup. */
export function partsDown(threads: number): number {
  const subgroups = invocations / threads;
  return subgroups > 32 ? 8 : subgroups > 8 ? 4 : 2;
}

/** Whether a tile can be shared out evenly, as the shader does it. */
export function fitsTile({ m, n, k, threads }: MatrixUnit): boolean {
  const subgroups = invocations / threads;
  const down = partsDown(threads);
  const blocks = [subgroups, subgroups / down, tile / down / m, (tile * down) / subgroups / n, 32 / k];
  return blocks.every((count) => count >= 1 && Number.isInteger(count));
}

/** Workgroup memory of the shader: two tiles, the results of a block of each subgroup, sizes of activations. */
export const matrixWorkgroupBytes = ({ component, m, n, threads }: MatrixUnit): number =>
  2 * tile * 40 * (component === 'f16' ? 2 : 4) + (invocations / threads) * m * n * 4 + (invocations + tile) * 4;
