// A recorded list of dispatches: pipelines, bind groups and grids, made at load. Encoding a step creates nothing.
import { type Kernel, type KernelSpec, type createKernelCache } from './kernels.ts';
import { type Ledger } from './ledger.ts';

/** What varies between steps: tokens in this one, and positions after it. */
export interface Step {
  rows: number;
  length: number;
  /** Whose buffers are bound where bindings are functions: one of several sequences, say. */
  of?: object;
}

export interface Binding {
  buffer: GPUBuffer;
  offset?: number;
  size?: number;
}

export interface Dispatch {
  label: string;
  /** The kind of matrix that it multiplies with, if any (model/choices/choice-of-matrix.ts). */
  kind?: string;
  kernel: KernelSpec;
  params?: Record<string, number>;
  /** By the name of the variable in WGSL; a function of `Step.of` where that has buffers of its own. */
  bindings: Record<string, Binding | ((of: never) => Binding)>;
  /** What it chooses, the CPU may have to know before what comes next: items of a pool (model/ops/rare/route.ts). */
  chooses?: boolean;
  /** The layer whose query is there before it, for the processor to attend by too, and the one for which it joins what that gives (kv/tiers/answers.ts). */
  asks?: number;
  joins?: number;
  /** Workgroups of a step. */
  grid: (step: Step) => [number, number?, number?];
}

/** Whether a step runs a dispatch: not where its grid has no workgroup. */
export const runsIn = ({ grid }: Pick<Dispatch, 'grid'>, step: Step): boolean => grid(step)[0] > 0;

export interface Program {
  readonly dispatches: readonly Dispatch[];
  /**
   * All dispatches, or those from `first` up to `end`. Of several steps at once those with bindings of their own are run for
   * each step in turn, the others once over the rows of all.
   */
  encode(pass: GPUComputePassEncoder, steps: Step | readonly Step[], first?: number, end?: number): void;
  /** Makes the bind groups for `of` that are not there, so that no step has to. */
  bind(of: object | undefined): void;
  /** Forgets the bind groups made for `of`, as its buffers were replaced or freed. Those of its next step are made then. */
  release(of: object | undefined): void;
  destroy(): void;
}

/** Bytes of the parameters of a dispatch, which some share: the largest minUniformBufferOffsetAlignment there is. */
export const paramsStride = 256;

export async function createProgram(
  device: GPUDevice,
  ledger: Ledger,
  kernels: ReturnType<typeof createKernelCache>,
  label: string,
  dispatches: Dispatch[],
): Promise<Program> {
  const compiled = await Promise.all(dispatches.map(({ kernel }) => kernels.get(kernel)));
  const { bytes, offsets } = packAll(dispatches, compiled);
  const paramsBuffer = ledger.create('parameters', `${label}.params`, bytes.length, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  device.queue.writeBuffer(paramsBuffer, 0, bytes);

  const isOwn = dispatches.map(({ bindings }) => Object.values(bindings).some((given) => typeof given === 'function'));
  const bind = (dispatch: Dispatch, i: number, of?: object): GPUBindGroup =>
    device.createBindGroup({
      label: dispatch.label,
      layout: compiled[i].layout,
      entries: [...compiled[i].bindings].map(([name, { binding }]) => {
        if (name === 'params') return { binding, resource: { buffer: paramsBuffer, offset: offsets[i], size: paramsStride } };
        const given = dispatch.bindings[name];
        if (!given) throw new Error(`${dispatch.label}: the kernel ${dispatch.kernel.kernel} needs a buffer for "${name}".`);
        return { binding, resource: typeof given === 'function' ? given(of as never) : given };
      }),
    });
  const shared = dispatches.map((dispatch, i) => (isOwn[i] ? undefined : bind(dispatch, i)));
  const own = new Map<object | undefined, (GPUBindGroup | undefined)[]>();

  function groupOf(i: number, of: object | undefined): GPUBindGroup {
    let groups = own.get(of);
    if (!groups) own.set(of, (groups = []));
    return (groups[i] ??= bind(dispatches[i], i, of));
  }

  function run(pass: GPUComputePassEncoder, i: number, step: Step): void {
    const [x, y = 1, z = 1] = dispatches[i].grid(step);
    if (x === 0) return;
    pass.setPipeline(compiled[i].pipeline);
    pass.setBindGroup(0, shared[i] ?? groupOf(i, step.of));
    pass.dispatchWorkgroups(x, y, z);
  }

  return {
    dispatches,
    encode(pass, given, first = 0, end = dispatches.length) {
      const steps: readonly Step[] = Array.isArray(given) ? given : [given];
      const together =
        steps.length === 1 ? steps[0] : { rows: steps.reduce((sum, { rows }) => sum + rows, 0), length: Math.max(...steps.map(({ length }) => length)) };
      for (let i = first; i < end;) {
        if (!isOwn[i]) {
          run(pass, i++, together);
          continue;
        }
        // A run of them goes through one sequence after the other, as they share scratch.
        let past = i;
        while (past < end && isOwn[past]) past++;
        for (const step of steps) for (let n = i; n < past; n++) run(pass, n, step);
        i = past;
      }
    },
    bind: (of) => dispatches.forEach((_, i) => void (isOwn[i] && groupOf(i, of))),
    release: (of) => void own.delete(of),
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

/** Puts the parameters of a dispatch where its kernel reads them. */
export function packParams(dispatch: Pick<Dispatch, 'label' | 'kernel' | 'params'>, kernel: Kernel, target: DataView): void {
  kernel.params.forEach(({ name, type }, i) => {
    const value = dispatch.params?.[name];
    if (value === undefined) throw new Error(`${dispatch.label}: the kernel ${dispatch.kernel.kernel} needs the parameter "${name}".`);
    const whole = type === 'u32'; // setUint32 would wrap anything else
    if (whole ? !(Number.isInteger(value) && value >= 0 && value < 2 ** 32) : Number.isNaN(value)) {
      throw new Error(
        `${dispatch.label}: the parameter "${name}" of the kernel ${dispatch.kernel.kernel} is ${value}; it has to be ` +
        `${whole ? `a whole number from 0 to ${2 ** 32 - 1}` : 'a number'}.`,
      );
    }
    if (whole) target.setUint32(4 * i, value, true);
    else target.setFloat32(4 * i, value, true);
  });
}
