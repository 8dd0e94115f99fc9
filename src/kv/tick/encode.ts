// Submits the work of a tick in order, with bind groups and parameters that are kept by that order, so that a tick that does what the one before
// did makes nothing.
import { type Kernel, type KernelCache } from '../../gpu/kernels.ts';
import { type Ledger } from '../../gpu/ledger.ts';
import { type Binding, packParams, paramsStride } from '../../gpu/program.ts';
import { type TickWork } from '../policy.ts';
import { type Sequence } from '../sequence.ts';

interface Place {
  buffer: GPUBuffer;
  offset: number;
}

/** A kernel, or a copy: from a buffer, or from the words of the tick. */
export type Work =
  | { kind: 'dispatch'; work: TickWork }
  | { kind: 'copy'; from: Place | { word: number }; to: Place; byteLength: number };

export interface TickGpu {
  device: GPUDevice;
  ledger: Ledger;
  kernels: KernelCache;
  /** Cosines and sines of positions, where a model has some. */
  angles?: Binding;
}

export type Submit = (encoder: GPUCommandEncoder) => void;

/** What is submitted in order, by whoever runs the sequence. `words`: what copies without a buffer take. */
export interface Queued {
  sequence: Sequence;
  works: readonly Work[];
  words: readonly number[];
  submit: Submit;
}

/** What is kept from tick to tick of a sequence. */
export interface Kept {
  params?: GPUBuffer;
  words?: GPUBuffer;
  groups: { kernel: Kernel; buffers: GPUBuffer[]; group: GPUBindGroup }[];
}

export function freeKept(ledger: Ledger, { params, words }: Kept): void {
  [params, words].forEach((buffer) => buffer && ledger.destroy(buffer));
}

/** A buffer with room for so much, in place of a smaller one. */
export function atLeast(ledger: Ledger, old: GPUBuffer | undefined, bytes: number, name: string, usage: number): GPUBuffer {
  if (old && old.size >= bytes) return old;
  if (old) ledger.destroy(old);
  return ledger.create('kv', name, bytes, usage);
}

export async function submitWorks(gpu: TickGpu, kept: Kept, queued: Queued): Promise<void> {
  const { works, words } = queued;
  if (!works.length) return;
  const { device: { queue }, ledger } = gpu;
  const dispatches = works.flatMap((each) => (each.kind === 'dispatch' ? [each.work] : []));
  const compiled = await Promise.all(dispatches.map(({ kernel }) => gpu.kernels.get(kernel)));
  if (words.length) {
    kept.words = atLeast(ledger, kept.words, 4 * words.length, 'kv.tick.words', GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST);
    queue.writeBuffer(kept.words, 0, Uint32Array.from(words));
  }
  if (dispatches.length) {
    const params = new Uint8Array(dispatches.length * paramsStride);
    dispatches.forEach((work, i) => packParams(work, compiled[i], new DataView(params.buffer, i * paramsStride, paramsStride)));
    kept.params = atLeast(ledger, kept.params, params.length, 'kv.tick.params', GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    queue.writeBuffer(kept.params, 0, params);
  }
  encode(gpu, kept, queued, compiled);
}

function encode({ device }: TickGpu, kept: Kept, { sequence, works, submit }: Queued, compiled: readonly Kernel[]): void {
  const encoder = device.createCommandEncoder({ label: 'kv.tick' });
  let pass: GPUComputePassEncoder | undefined;
  let i = 0;
  for (const each of works) {
    if (each.kind === 'copy') {
      pass?.end();
      pass = undefined;
      const from = 'word' in each.from ? { buffer: kept.words!, offset: 4 * each.from.word } : each.from;
      encoder.copyBufferToBuffer(from.buffer, from.offset, each.to.buffer, each.to.offset, each.byteLength);
      continue;
    }
    pass ??= encoder.beginComputePass();
    pass.setPipeline(compiled[i].pipeline);
    pass.setBindGroup(0, groupOf(device, kept, sequence, each.work, compiled[i], i));
    pass.dispatchWorkgroups(...each.work.grid);
    i++;
  }
  pass?.end();
  submit(encoder);
}

/** The bind group of the i-th dispatch: that of the tick before, if it has the same buffers. */
function groupOf(device: GPUDevice, kept: Kept, sequence: Sequence, { label, bindings }: TickWork, kernel: Kernel, i: number): GPUBindGroup {
  const given: TickWork['bindings'] = { state: sequence.state, ...bindings };
  const resources = [...kernel.bindings].map(([name, { binding }]) => {
    if (name === 'params') return { binding, buffer: kept.params!, offset: i * paramsStride, size: paramsStride };
    const bound = given[name];
    if (!bound) throw new Error(`${label}: the kernel ${kernel.spec.kernel} needs a buffer for "${name}".`);
    return { binding, ...('buffer' in bound ? bound : { buffer: bound }) };
  });
  const before = kept.groups.at(i);
  if (before?.kernel === kernel && before.buffers.every((buffer, n) => buffer === resources[n].buffer)) return before.group;
  const group = device.createBindGroup({ label, layout: kernel.layout, entries: resources.map(({ binding, ...resource }) => ({ binding, resource })) });
  kept.groups[i] = { kernel, buffers: resources.map(({ buffer }) => buffer), group };
  return group;
}
