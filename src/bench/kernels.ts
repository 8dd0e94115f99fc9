// Every kernel of a loaded model, timed by itself on the dispatches that the engine recorded. Each sample begins from the same
// buffers and has to leave the same bytes in them, finite where they are floats; of products some rows are computed again on the CPU.
import { type SequenceBuffers } from '../model/operation.ts';
import { writeState } from '../model/sequence-buffers.ts';
import { positionBytes } from '../kv/segment.ts';
import { type LoadedModel } from '../engine/load/load.ts';
import { kernelSource, readInterface } from '../gpu/kernels.ts';
import { createLedger } from '../gpu/ledger.ts';
import { type PassClock, createPassClock } from '../gpu/pass-clock.ts';
import { fewRows } from '../model/blocks/products.ts';
import { joinsSplits } from '../model/ops/project.ts';
import { type Binding, type Dispatch, type Program, type Step, runsIn } from '../gpu/program.ts';
import { type DevicePeak } from '../protocol.ts';
import { readBuffer } from './read-buffer.ts';
import { verifyRows } from './rows.ts';
import { type Cost, boundOf, rooflineSeconds, totalCost } from './cost.ts';
import { compiled } from '../model/sampling/sampler.ts';

export interface KernelSpeed {
  /** `decode`, `prefill` or `draw` (sampling at a temperature). */
  mode: string;
  name: string;
  kernel: string;
  /** Tokens in the step, and positions after it. */
  step: Step;
  /** Dispatches like it in a step, and milliseconds of them all. */
  dispatches: number;
  ms: number;
  bytesPerSecond: number;
  flopsPerSecond: number;
  ofCopy: number;
  ofFma: number;
  /** Which of the device's peaks is nearer, and the share of it that is reached. */
  bound: 'bytes' | 'FLOPs';
  share: number;
}

/** A dispatch and the program that runs it. */
interface Recorded {
  program: Program;
  index: number;
  dispatch: Dispatch;
}

const sampleMs = 5;
const samples = 5;
/** No further sample after this. */
const enoughMs = 400;
const floats = new Set(['output', 'attended', 'partials', 'query']);
/** Bindings whose elements a kernel writes in any order; how many is in another one. */
const unordered = new Set(['narrowed']);

/**
 * Run this after the model has run up to the longest of `lengths`, so that the cache holds keys and values. Everything is
 * timed at the first length, attention at all. Throws if a kernel's output is not finite or changes between samples.
 */
export async function measureKernels(
  model: LoadedModel,
  peak: DevicePeak,
  lengths: readonly number[],
  prefillRows: number,
  onKernel?: (speed: KernelSpeed) => void,
): Promise<{ kernels: KernelSpeed[]; by: PassClock['by']; rows: number }> {
  const {
    gpu: { device },
    programs,
    heads,
    samplerFor,
  } = model;
  const clock = createPassClock(device, createLedger(device, Infinity));
  const kernels: KernelSpeed[] = [];
  let rowsChecked = 0;
  const rows = Math.min(prefillRows, model.sizes.chunk);
  const [greedy, drawn] = [await compiled(samplerFor, { seed: 0 }), await compiled(samplerFor, { seed: 0, temperature: 1 })];
  const all = (...list: Program[]): Recorded[] => list.flatMap((program) => program.dispatches.map((dispatch, index) => ({ program, index, dispatch })));
  const stages = (list: { program: Program }[]) => list.map(({ program }) => program);
  const measure = async (mode: string, recorded: Recorded[], step: Step) => {
    for (const [name, group] of groupBy(
      recorded.filter(({ dispatch }) => runsIn(dispatch, step)),
      nameOf,
    )) {
      if (kindOf(group[0])) for (const each of new Set([group[0], group.at(-1)!])) rowsChecked += await verifyRows(model, each, step);
      const speed = await measureGroup(model, clock, peak, group, step);
      kernels.push({ mode, name, kernel: group[0].dispatch.kernel.kernel, step, dispatches: group.length, ...speed });
      onKernel?.(kernels.at(-1)!);
    }
  };
  const attends = ({ dispatch }: Recorded) => dispatch.kernel.kernel.startsWith('attention') || joinsSplits(dispatch);
  try {
    greedy.start(model.sequence);
    const decode = all(...stages(programs.decode), ...stages(heads.last), greedy.program);
    const prefill = all(...stages(programs.prefill));
    await measure('decode', decode, { rows: 1, length: lengths[0] });
    for (const length of lengths.slice(1)) await measure('decode', decode.filter(attends), { rows: 1, length });
    drawn.start(model.sequence);
    await measure('draw', all(drawn.program).slice(1), { rows: 1, length: lengths[0] });
    await measure('prefill', prefill, { rows, length: Math.max(rows, lengths[0]) });
    await measure(
      'prefill',
      prefill.filter(({ dispatch }) => dispatch.kernel.kernel === 'matvec-few'),
      { rows: fewRows, length: Math.max(fewRows, lengths[0]) },
    );
    for (const length of lengths.slice(1)) if (length >= rows) await measure('prefill', prefill.filter(attends), { rows, length });
    return { kernels, by: clock.by, rows: rowsChecked };
  } finally {
    clock.destroy();
  }
}

/** Dispatches of the same name do the same work on different bytes. */
export function nameOf(recorded: Recorded): string {
  const { label, params = {} } = recorded.dispatch;
  const joins = joinsSplits(recorded.dispatch) ? ' joining splits' : '';
  return (kindOf(recorded) ?? label.replace(/^layer\.\d+\./, '')) + joins + (params.window ? ` of ${params.window}` : '');
}

/** The kind of matrix that a dispatch multiplies with, also where it joins splits, which is not what is measured of the kind. */
const kindOf = ({ program, index, dispatch }: Recorded): string | undefined => (joinsSplits(dispatch) ? program.dispatches[index + 1] : dispatch).kind;

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

async function measureGroup(model: LoadedModel, clock: PassClock, peak: DevicePeak, all: Recorded[], step: Step) {
  // Each layer has a cache of its own: a few of those that write to it will do.
  const group = all[0].dispatch.bindings.qkv ? all.slice(0, 4) : all;
  const { gpu: { device }, graph: { config }, kv, sizes } = model;
  const written = writtenBuffers(group, model.sequence);
  writeState(device.queue, model.activations, model.sequence, step.length - step.rows, step.rows);
  const saved = new Map(
    [...written].map(([buffer]) => [
      buffer,
      device.createBuffer({ label: 'bench.saved', size: buffer.size, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST }),
    ]),
  );
  const copy = (forth: boolean) => {
    const encoder = device.createCommandEncoder();
    for (const [buffer, kept] of saved) encoder.copyBufferToBuffer(forth ? buffer : kept, 0, forth ? kept : buffer, 0, buffer.size);
    device.queue.submit([encoder.finish()]);
  };
  const run = async (count: number): Promise<number> => {
    copy(false);
    await device.queue.onSubmittedWorkDone();
    return clock.time((pass) => {
      for (let i = 0; i < count; i++) {
        const { program, index } = group[i % group.length];
        program.encode(pass, { ...step, of: model.sequence }, index, index + 1);
      }
    });
  };
  const outputs = async (): Promise<Uint8Array[]> => Promise.all([...written].map(async ([buffer, isFloat]) => {
    const bytes = await readBuffer(device, buffer);
    if (isFloat && new Float32Array(bytes.buffer).some((value) => !Number.isFinite(value)))
      throw new Error(`The kernel ${nameOf(group[0])} gave a number that is not finite.`);
    return bytes;
  }));
  try {
    copy(true);
    await run(1); // some drivers compile at the first use
    // A kernel that advances the position can do so only as far as the context goes.
    const most = written.has(model.sequence.state.buffer) ? Math.max(1, sizes.context - step.length - 1) : Infinity;
    let count = 1;
    let ms = await run(count);
    while (ms < sampleMs && count < most) {
      count = Math.min(most, Math.max(count + 1, Math.ceil(count * Math.min(8, (1.3 * sampleMs) / Math.max(ms, 0.01)))));
      ms = await run(count);
    }
    const first = await outputs();
    const times = [ms];
    for (let spent = ms; times.length < samples && spent < enoughMs; spent += times.at(-1)!) {
      times.push(await run(count));
      const again = await outputs();
      if (again.some((bytes, i) => !equal(bytes, first[i]))) throw new Error(`The kernel ${nameOf(group[0])} gave another output than the first time.`);
    }
    if (times.length === 1) {
      await run(count);
      if ((await outputs()).some((bytes, i) => !equal(bytes, first[i])))
        throw new Error(`The kernel ${nameOf(group[0])} gave another output than the first time.`);
    }
    const sequence = Array.from({ length: Math.min(count, group.length) }, (_, i) => group[i].dispatch);
    const seconds = times.sort((a, b) => a - b)[times.length >> 1] / 1000 / count;
    return speedOf(mean(totalCost(sequence, step, { config, kvPositionBytes: positionBytes(config, kv) }), sequence.length), seconds, all.length, peak);
  } finally {
    for (const kept of saved.values()) kept.destroy();
  }
}

const mean = ({ bytes, flops }: Cost, n: number): Cost => ({ bytes: bytes / n, flops: flops / n });

function speedOf(cost: Cost, seconds: number, dispatches: number, peak: DevicePeak) {
  const bytesPerSecond = cost.bytes / seconds;
  const flopsPerSecond = cost.flops / seconds;
  return {
    ms: 1000 * seconds * dispatches,
    bytesPerSecond,
    flopsPerSecond,
    ofCopy: bytesPerSecond / peak.copyBytesPerSecond,
    ofFma: flopsPerSecond / peak.flopsPerSecond,
    bound: boundOf(cost, peak),
    share: rooflineSeconds(cost, peak) / seconds,
  };
}

/** The buffers that a group writes in the same order each time, and whether they hold f32. */
function writtenBuffers(group: Recorded[], sequence: SequenceBuffers): Map<GPUBuffer, boolean> {
  const written = new Map<GPUBuffer, boolean>();
  for (const { dispatch: { kernel, bindings } } of group) {
    for (const [name, { type }] of readInterface(kernelSource(kernel)).bindings) {
      if (type === 'storage' && !unordered.has(name)) written.set(bufferOf(bindings[name], sequence).buffer, floats.has(name));
    }
  }
  return written;
}

const bufferOf = (given: Dispatch['bindings'][string], sequence: SequenceBuffers): Binding => (typeof given === 'function' ? given(sequence as never) : given);

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
