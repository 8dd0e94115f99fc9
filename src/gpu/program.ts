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
  /** Whether it is to begin what is encoded by itself, as several sequences go through it and what joins in turn. */
  apart?: boolean;
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
  const entriesOf = ({ label, kernel, bindings }: Dispatch, i: number, of?: object): Entry[] =>
    [...compiled[i].bindings].map(([name, { binding, type }]) => {
      if (name === 'params') return { binding, type, resource: { buffer: paramsBuffer, offset: offsets[i], size: paramsStride } };
      const given = bindings[name];
      if (!given) throw new Error(`${label}: the kernel ${kernel.kernel} needs a buffer for "${name}".`);
      return { binding, type, resource: typeof given === 'function' ? given(of as never) : given };
    });
  const create = ({ label }: Dispatch, i: number, entries: readonly Entry[]): GPUBindGroup =>
    device.createBindGroup({ label, layout: compiled[i].layout, entries: entries.map(({ binding, resource }) => ({ binding, resource })) });
  const bind = (dispatch: Dispatch, i: number, of?: object): GPUBindGroup => create(dispatch, i, entriesOf(dispatch, i, of));
  const shared = bindShared(dispatches, isOwn, entriesOf, create);
  const own = new Map<object | undefined, (GPUBindGroup | undefined)[]>();

  function groupOf(i: number, of: object | undefined): GPUBindGroup {
    let groups = own.get(of);
    if (!groups) own.set(of, (groups = []));
    return (groups[i] ??= bind(dispatches[i], i, of));
  }

  /** `set`: what the pass is set to by the dispatches before. */
  function run(pass: GPUComputePassEncoder, i: number, step: Step, set: { kernel?: Kernel; group?: GPUBindGroup }): void {
    const grid = dispatches[i].grid(step);
    if (grid[0] === 0) return;
    const kernel = compiled[i];
    const group = shared[i] ?? groupOf(i, step.of);
    if (kernel !== set.kernel) pass.setPipeline(kernel.pipeline);
    if (group !== set.group) pass.setBindGroup(0, group);
    set.kernel = kernel;
    set.group = group;
    dispatch(pass, grid);
  }

  return {
    dispatches,
    encode(pass, given, first = 0, end = dispatches.length) {
      const steps: readonly Step[] = Array.isArray(given) ? given : [given];
      const together =
        steps.length === 1 ? steps[0] : { rows: steps.reduce((sum, { rows }) => sum + rows, 0), length: Math.max(...steps.map(({ length }) => length)) };
      const set = {};
      for (let i = first; i < end;) {
        if (steps.length === 1 || !isOwn[i]) {
          run(pass, i++, together, set);
          continue;
        }
        // A run of them goes through one sequence after the other, as they share scratch.
        let past = i;
        while (past < end && isOwn[past]) past++;
        for (const step of steps) for (let n = i; n < past; n++) run(pass, n, step, set);
        i = past;
      }
    },
    bind: (of) => dispatches.forEach((_, i) => void (isOwn[i] && groupOf(i, of))),
    release: (of) => void own.delete(of),
    destroy: () => ledger.destroy(paramsBuffer),
  };
}

/** Each number that is told is converted and checked: those that are 1 by default are left out. */
function dispatch(pass: GPUComputePassEncoder, grid: ReturnType<Dispatch['grid']>): void {
  const x = grid[0];
  const y = grid[1] ?? 1;
  const z = grid[2] ?? 1;
  if (z !== 1) pass.dispatchWorkgroups(x, y, z);
  else if (y !== 1) pass.dispatchWorkgroups(x, y);
  else pass.dispatchWorkgroups(x);
}

/** What is bound of one dispatch, and how. */
interface Entry {
  binding: number;
  type: GPUBufferBindingType;
  resource: Binding;
}

const isSame = (a: readonly Entry[], b: readonly Entry[]): boolean =>
  a.length === b.length && a.every(({ binding, type, resource: { buffer, offset = 0, size } }) => b.some((other) =>
    other.binding === binding && other.type === type && other.resource.buffer === buffer && (other.resource.offset ?? 0) === offset &&
    other.resource.size === size));

/** The bind groups of what is no sequence's own; of dispatches near each other that bind the same, in whatever order their kernels name it, one. */
function bindShared(
  dispatches: readonly Dispatch[],
  isOwn: readonly boolean[],
  entriesOf: (dispatch: Dispatch, i: number) => Entry[],
  create: (dispatch: Dispatch, i: number, entries: readonly Entry[]) => GPUBindGroup,
): (GPUBindGroup | undefined)[] {
  let before: { entries: Entry[]; group: GPUBindGroup }[] = [];
  return dispatches.map((dispatch, i) => {
    if (isOwn[i]) return undefined;
    const entries = entriesOf(dispatch, i);
    const group = before.find((each) => isSame(each.entries, entries))?.group ?? create(dispatch, i, entries);
    before = [{ entries, group }, ...before.slice(0, 1)]; // between them there may be one that runs in other steps
    return group;
  });
}

/**
 * Parameters of all dispatches, and where those of each begin. A dispatch shares them with the one before where they are the same, or where both have
 * a slot of their own in them.
 */
function packAll(dispatches: readonly Dispatch[], kernels: readonly Kernel[]): { bytes: Uint8Array<ArrayBuffer>; offsets: number[] } {
  const packed: { bytes: Uint8Array; used: Uint8Array }[] = [];
  const offsets = dispatches.map((dispatch, i) => {
    const [own, used] = [new Uint8Array(paramsStride), new Uint8Array(paramsStride)];
    packParams(dispatch, kernels[i], new DataView(own.buffer));
    const { slot, params } = kernels[i];
    const size = slot === undefined ? paramsStride : slotBytes(params.length);
    used.fill(1, (slot ?? 0) * size, ((slot ?? 0) + 1) * size);
    // Between two that share a slot each there may be one that runs in other steps.
    const from = Math.max(0, packed.length - (slot === undefined ? 1 : 2));
    const place = packed.findIndex((each, n) => n >= from && each.used.every((is, at) => !is || !used[at] || each.bytes[at] === own[at]));
    if (place < 0) return (packed.push({ bytes: own, used }) - 1) * paramsStride;
    for (let at = 0; at < paramsStride; at++) if (used[at]) [packed[place].bytes[at], packed[place].used[at]] = [own[at], 1];
    return place * paramsStride;
  });
  const bytes = new Uint8Array(packed.length * paramsStride);
  packed.forEach((each, place) => bytes.set(each.bytes, place * paramsStride));
  return { bytes, offsets };
}

/** Bytes of an element of an array of parameters: in a uniform those are whole vectors. */
const slotBytes = (fields: number): number => Math.ceil((4 * fields) / 16) * 16;

/** Puts the parameters of a dispatch where its kernel reads them. */
export function packParams(dispatch: Pick<Dispatch, 'label' | 'kernel' | 'params'>, kernel: Kernel, target: DataView): void {
  const first = (kernel.slot ?? 0) * slotBytes(kernel.params.length);
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
    if (whole) target.setUint32(first + 4 * i, value, true);
    else target.setFloat32(first + 4 * i, value, true);
  });
}
