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
  /** The kind of matrix that it multiplies with, if any (model/matrix-choices.ts). */
  kind?: string;
  kernel: KernelSpec;
  params?: Record<string, number>;
  /** By the name of the variable in WGSL; a function where the buffer may be replaced (see `rebind`). */
  bindings: Record<string, Binding | (() => Binding)>;
  /** Workgroups of a step. */
  grid: (step: Step) => [number, number?, number?];
}

/** Whether a step runs a dispatch: not where its grid has no workgroup. */
export const runsIn = ({ grid }: Pick<Dispatch, 'grid'>, step: Step): boolean => grid(step)[0] > 0;

export interface Program {
  readonly dispatches: readonly Dispatch[];
  /** All dispatches, or those from `first` up to `end`. */
  encode(pass: GPUComputePassEncoder, step: Step, first?: number, end?: number): void;
  /** Makes the bind groups anew whose buffers are given by functions: needed after such a buffer was replaced. */
  rebind(): void;
  destroy(): void;
}

/** Bytes of the parameters of a dispatch, which some share: the largest minUniformBufferOffsetAlignment there is. */
export const paramsStride = 256;

export async function createProgram(device: GPUDevice, ledger: Ledger, kernels: ReturnType<typeof createKernelCache>, label: string, dispatches: Dispatch[]): Promise<Program> {
  const compiled = await Promise.all(dispatches.map(({ kernel }) => kernels.get(kernel)));
  const { bytes, offsets } = packAll(dispatches, compiled);
  const paramsBuffer = ledger.create('parameters', `${label}.params`, bytes.length, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  device.queue.writeBuffer(paramsBuffer, 0, bytes);

  const bind = (dispatch: Dispatch, i: number): GPUBindGroup =>
    device.createBindGroup({
      label: dispatch.label,
      layout: compiled[i].layout,
      entries: [...compiled[i].bindings].map(([name, { binding }]) => {
        if (name === 'params') return { binding, resource: { buffer: paramsBuffer, offset: offsets[i], size: paramsStride } };
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

/** Parameters of all dispatches, and where those of each begin; a dispatch with the same as the one before shares them. */
function packAll(dispatches: readonly Dispatch[], kernels: readonly Kernel[]): { bytes: Uint8Array<ArrayBuffer>; offsets: number[] } {
  const packed: Uint8Array[] = [];
  const offsets = dispatches.map((dispatch, i) => {
    const own = new Uint8Array(paramsStride);
    packParams(dispatch, kernels[i], new DataView(own.buffer));
    const last = packed.at(-1);
    if (!last?.every((byte, at) => byte === own[at])) packed.push(own);
    return (packed.length - 1) * paramsStride;
  });
  const bytes = new Uint8Array(packed.length * paramsStride);
  packed.forEach((own, slot) => bytes.set(own, slot * paramsStride));
  return { bytes, offsets };
}

function packParams(dispatch: Dispatch, kernel: Kernel, target: DataView): void {
  kernel.params.forEach(({ name, type }, i) => {
    const value = dispatch.params?.[name];
    if (value === undefined) throw new Error(`${dispatch.label}: the kernel ${dispatch.kernel.kernel} needs the parameter "${name}".`);
    const whole = type === 'u32'; // setUint32 would wrap anything else
    if (whole ? !(Number.isInteger(value) && value >= 0 && value < 2 ** 32) : Number.isNaN(value)) {
      throw new Error(`${dispatch.label}: the parameter "${name}" of the kernel ${dispatch.kernel.kernel} is ${value}; it has to be ${whole ? `a whole number from 0 to ${2 ** 32 - 1}` : 'a number'}.`);
    }
    if (whole) target.setUint32(4 * i, value, true);
    else target.setFloat32(4 * i, value, true);
  });
}
