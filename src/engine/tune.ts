// Chooses the shapes of a model's kernels by timing them on one of its own matrices.
import { type Gpu } from '../gpu/device.ts';
import { type Candidate, fastest } from '../gpu/autotune.ts';
import { type createKernelCache } from '../gpu/kernels.ts';
import { type Ledger } from '../gpu/ledger.ts';
import { type Dispatch } from '../gpu/program.ts';
import { type MatrixPart, type Shapes, decodeKernel, matrixParams, prefillKernel } from '../model/record.ts';

/** Time for all measurements, compiling included. */
export const tuneMs = 3000;
const prefillRows = 64;

/** `shapes` with the fastest choices for `part`, a matrix like most of the model. */
export async function tune(gpu: Gpu, ledger: Ledger, kernels: ReturnType<typeof createKernelCache>, shapes: Shapes, part: MatrixPart): Promise<Shapes> {
  const { device } = gpu;
  const deadline = performance.now() + tuneMs;
  const stride = Math.ceil(part.matrix.cols / 32) * 32;
  const make = (label: string, size: number) => ({ buffer: ledger.create('activations', `tune.${label}`, size, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST) });
  const [input, output, state] = [make('input', 4 * stride * prefillRows), make('output', 4 * part.rows * prefillRows), make('state', 16)];
  device.queue.writeBuffer(state.buffer, 0, new Uint32Array([0, prefillRows, 0, 0]));
  const bindings = { weights: part.binding, vectors: input, state, input, output };
  const params = {
    ...matrixParams(part), rows: part.rows, first_output: 0, stride, output_stride: part.rows,
    norm: 0, bias: 0, inverse_cols: 1 / part.matrix.cols, eps: 1, softcap: 0, up_panels: 0,
  };

  const decode = (splits: number, panels: number): Candidate<Pick<Shapes, 'splits' | 'panels'>> => ({
    value: { splits, panels },
    dispatches: [{
      label: `tune.decode.${splits}.${panels}`,
      kernel: decodeKernel({ splits, panels }, part, { HasNorm: 1 }),
      params, bindings, grid: () => [Math.ceil(part.panels / panels)],
    }],
  });
  const prefill = (value: Pick<Shapes, 'prefill' | 'tile'>): Candidate<Pick<Shapes, 'prefill' | 'tile'>> => ({
    value,
    dispatches: [{ label: `tune.prefill.${value.prefill}`, ...prefillKernel(value, part, {}), params, bindings } satisfies Dispatch],
  });

  try {
    const most = Math.floor(device.limits.maxComputeInvocationsPerWorkgroup / 32);
    const grids = [[shapes.splits, shapes.panels], [1, 4], [4, 1], [4, 2], [8, 2], [16, 1], [2, 2]].filter(([splits]) => splits <= most);
    const decoded = await fastest(device, ledger, kernels, { rows: 1, length: 1 }, grids.map(([splits, panels]) => decode(splits, panels)), deadline - tuneMs / 2);
    const tiles: Shapes['tile'][] = shapes.tile === 'f16' ? ['f16', 'f32'] : ['f32'];
    const prefills = [...tiles.map((tile) => ({ prefill: 'tile' as const, tile })), { prefill: 'rows' as const, tile: shapes.tile }];
    // Rows first where the decode prefers one thread per row: its compile is quick, that of tiles may not be.
    if (decoded.splits === 1) prefills.reverse();
    const prefilled = await fastest(device, ledger, kernels, { rows: prefillRows, length: prefillRows }, prefills.map(prefill), deadline);
    return { ...shapes, ...decoded, ...prefilled };
  } finally {
    for (const { buffer } of [input, output, state]) ledger.destroy(buffer);
  }
}
