// A recorded list of dispatches: pipelines, bind groups and grids, made at load. Encoding a step creates nothing.
import { type Kernel, type KernelSpec, type createKernelCache } from './kernels.ts';
import { type Ledger } from './ledger.ts';

/** What varies between steps: tokens in this one, and positions after it. */
export interface Step {
  rows: number;
  length: number;
}

export interface Binding {
  buffer: GPUBuffer;
  offset?: number;
  size?: number;
}

export interface Dispatch {
  label: string;
  /** The kind of matrix that it multiplies with, if any (model/matrix-shapes.ts). */
  kind?: string;
  kernel: KernelSpec;
  params?: Record<string, number>;
  /** By the name of the variable in WGSL; a function where the buffer may be replaced (see `rebind`). */
  bindings: Record<string, Binding | (() => Binding)>;
  /** Workgroups of a step. */
  grid: (step: Step) => [number, number?, number?];
}

export interface Program {
  readonly dispatches: readonly Dispatch[];
  /** All dispatches, or those from `first` up to `end`. */
  encode(pass: GPUComputePassEncoder, step: Step, first?: number, end?: number): void;
  /** Makes the bind groups anew whose buffers are given by functions: needed after such a buffer was replaced. */
  rebind(): void;
  destroy(): void;
}

/** Bytes of the parameters of a dispatch: the largest minUniformBufferOffsetAlignment there is. */
export const paramsStride = 256;

export async function createProgram(device: GPUDevice, ledger: Ledger, kernels: ReturnType<typeof createKernelCache>, label: string, dispatches: Dispatch[]): Promise<Program> {
  const compiled = await Promise.all(dispatches.map(({ kernel }) => kernels.get(kernel)));
  const paramsBuffer = ledger.create('parameters', `${label}.params`, dispatches.length * paramsStride, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  const paramsBytes = new DataView(new ArrayBuffer(dispatches.length * paramsStride));
  dispatches.forEach((dispatch, i) => packParams(dispatch, compiled[i], paramsBytes, i * paramsStride));
  device.queue.writeBuffer(paramsBuffer, 0, paramsBytes.buffer);

  const bind = (dispatch: Dispatch, i: number): GPUBindGroup =>
    device.createBindGroup({
      label: dispatch.label,
      layout: compiled[i].layout,
      entries: [...compiled[i].bindings].map(([name, { binding }]) => {
        if (name === 'params') return { binding, resource: { buffer: paramsBuffer, offset: i * paramsStride, size: paramsStride } };
        const given = dispatch.bindings[name];
        if (!given) throw new Error(`${dispatch.label}: the kernel ${dispatch.kernel.kernel} needs a buffer for "${name}".`);
        return { binding, resource: typeof given === 'function' ? given() : given };
      }),
    });
  const bindGroups = dispatches.map(bind);

  return {
    dispatches,
    encode(pass, step, first = 0, end = dispatches.length) {
      for (let i = first; i < end; i++) {
        const [x, y = 1, z = 1] = dispatches[i].grid(step);
        if (x === 0) continue;
        pass.setPipeline(compiled[i].pipeline);
        pass.setBindGroup(0, bindGroups[i]);
        pass.dispatchWorkgroups(x, y, z);
      }
    },
    rebind() {
      dispatches.forEach((dispatch, i) => {
        if (Object.values(dispatch.bindings).some((b) => typeof b === 'function')) bindGroups[i] = bind(dispatch, i);
      });
    },
    destroy: () => ledger.destroy(paramsBuffer),
  };
}

function packParams(dispatch: Dispatch, kernel: Kernel, target: DataView, offset: number): void {
  kernel.params.forEach(({ name, type }, i) => {
    const value = dispatch.params?.[name];
    if (value === undefined) throw new Error(`${dispatch.label}: the kernel ${dispatch.kernel.kernel} needs the parameter "${name}".`);
    if (type === 'u32') target.setUint32(offset + 4 * i, value, true);
    else target.setFloat32(offset + 4 * i, value, true);
  });
}
