// What the parts of a model cost on this GPU: at most ten measurements of a probe of it, from the header alone. What
// follows from them is predict.ts's business.
import { type Gpu } from '../../gpu/device.ts';
import { createKernelCache } from '../../gpu/kernels.ts';
import { createLedger } from '../../gpu/ledger.ts';
import { type Stopwatch, createStopwatch } from '../../gpu/stopwatch.ts';
import { type Graph } from '../../model/graph.ts';
import { type KvFormat } from '../../kv/formats/format.ts';
import { isAttend } from '../../model/ops/attend.ts';
import { layerOf } from '../../model/sections.ts';
import { type KernelChoice } from '../../model/choices/kernel-choice.ts';
import { createUploader } from '../../weights/stream/uploader.ts';
import { type OpenedModel } from '../load/opened.ts';
import { type Probe, type ProbePart, createProbe, prefillRows } from './probe.ts';

/** Seconds, of one token unless it says otherwise. */
export interface GpuCosts {
  /** A layer of each kind that was measured (see `kindOf`), at position `firstPosition`. */
  layers: Record<string, { seconds: number; byteLength: number }>;
  /** More for each further position that a layer attends to. */
  perPosition: number;
  /** A byte of the output matrix. */
  headPerByte: number;
  sampler: number;
  /** From the end of a submit's work until the CPU knows. */
  wait: number;
  /** A byte copied to the GPU with nothing else to do. */
  perUploadedByte: number;
  /** More than the longer one of copying and computing where both go on at once, for each byte copied: what they take from each other. */
  perStreamedByte: number;
  /** A byte of a layer's weights for `prefillRows` tokens together, if there was time to measure it. */
  prefillPerByte?: number;
  measurements: number;
}

export const mostMeasurements = 10;
export const firstPosition = 31;
/** What compiling and measuring may take. Once it has passed, what matters least is left out. */
const mostMs = 1800;
/** Fills weights. As f16, f32, bfloat16 or a power of two it is a normal number; others might be slower. */
const filling = 0x38;
const uploadBytes = 2 ** 20;
/** More than the caches of most CPUs hold, so that uploads come from memory as weights do. */
const sourceBytes = 32 * 2 ** 20;

/** Positions that a layer's new token looks at when it is at `position`. */
export const attended = (graph: Graph, layer: number, position: number): number =>
  Math.min(position + 1, ...graph.layers[layer].map((op) => (isAttend(op) && op.window) || Infinity));

/** Measures with the shapes among `choices`, two at most, that decode fastest; what there is no more time for by the clock `now` (ms) is left out. */
export async function measureGpu(
  gpu: Gpu,
  opened: OpenedModel,
  choices: readonly KernelChoice[],
  kv: KvFormat,
  now = (): number => performance.now(),
): Promise<{ costs: GpuCosts; choice: KernelChoice }> {
  const end = now() + mostMs;
  const isTimeLeft = () => now() < end;
  const ledger = createLedger(gpu.device, Infinity);
  try {
    const stopwatch = await createStopwatch(gpu.device.queue);
    const kernels = createKernelCache(gpu.device);
    const candidates = await Promise.all(choices.map(async (choice) => ({ choice, probe: await createProbe(gpu, ledger, kernels, opened, choice, kv) })));
    const next = createSource();
    const perUploadedByte = await timeUpload(
      gpu.device.queue,
      candidates.map(({ probe }) => probe),
      next,
      stopwatch,
    );
    const timed = [];
    for (const candidate of candidates)
      timed.push({ ...candidate, seconds: await timeParts(gpu.device, candidate.probe, kindsOf(candidate.probe)[0], firstPosition, stopwatch) });
    const { probe, choice, seconds } = timed.reduce((a, b) => (b.seconds < a.seconds ? b : a));
    return { choice, costs: await measureRest(gpu, opened, probe, stopwatch, next, isTimeLeft, perUploadedByte, seconds) };
  } finally {
    ledger.destroyAll();
  }
}

async function measureRest(
  { device }: Gpu,
  { graph, sections }: OpenedModel,
  probe: Probe,
  stopwatch: Stopwatch,
  next: ReturnType<typeof createSource>,
  isTimeLeft: () => boolean,
  perUploadedByte: number,
  seconds: number,
): Promise<GpuCosts> {
  const [first, second] = kindsOf(probe);
  const { byteLength } = first[0];
  const { wait } = stopwatch;
  const time = (parts: readonly Pick<ProbePart, 'program'>[], position = firstPosition, rows = 1) => timeParts(device, probe, parts, position, stopwatch, rows);
  const ifThereIsTime = async <T>(measure: () => Promise<T>): Promise<T | undefined> => (isTimeLeft() ? measure() : undefined);
  const headPerByte = (await time([probe.head])) / probe.head.byteLength;
  const last = probe.context - 1;
  const further =
    first
      .map(({ section }) => layerOf(sections[section])!)
      .reduce((sum, layer) => sum + attended(graph, layer, last) - attended(graph, layer, firstPosition), 0) / first.length;
  const perPosition = further > 0 ? Math.max(0, (await time(first, last)) - seconds) / further : 0;
  const streamed = (await ifThereIsTime(() => timeStreamed(device, probe, first, next, stopwatch))) ?? 0;
  const layers = { [first[0].kind]: { seconds, byteLength } };
  const other = second && (await ifThereIsTime(() => time(second)));
  if (other !== undefined) layers[second[0].kind] = { seconds: other, byteLength: second[0].byteLength };
  const sampler = (await ifThereIsTime(() => time([{ program: probe.sampler }]))) ?? 0;
  const prefill = await ifThereIsTime(() => probe.prefill());
  const prefillPerByte = prefill && (await time([prefill], 0, prefillRows)) / prefill.byteLength;
  return {
    layers,
    perPosition,
    headPerByte,
    sampler,
    perUploadedByte,
    prefillPerByte,
    wait,
    perStreamedByte: Math.max(0, streamed - Math.max(seconds, (seconds + wait) / 2, perUploadedByte * byteLength)) / byteLength,
    measurements: stopwatch.count,
  };
}

/** The probe's layers by kind. */
const kindsOf = ({ layers }: Probe): Probe['layers'][] =>
  [...new Set(layers.map(({ kind }) => kind))].map((kind) => layers.filter((layer) => layer.kind === kind));

/** Seconds of one of `parts`, run in turn. */
function timeParts(
  device: GPUDevice,
  probe: Probe,
  parts: readonly Pick<ProbePart, 'program'>[],
  position: number,
  stopwatch: Stopwatch,
  rows = 1,
): Promise<number> {
  return stopwatch.time((count) => {
    const step = probe.step(position, rows);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < count; i++) parts[i % parts.length].program.encode(pass, step);
    pass.end();
    device.queue.submit([encoder.finish()]);
  });
}

/** Bytes of weights as they lie in memory, one piece after the other. */
function createSource(): (length: number) => Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sourceBytes).fill(filling);
  let at = 0;
  return (length) => {
    if (at + length > sourceBytes) at = 0;
    at += length;
    return bytes.subarray(at - length, at);
  };
}

/** Seconds per byte, while the weights of probes are filled. */
async function timeUpload(queue: GPUQueue, probes: readonly Probe[], next: ReturnType<typeof createSource>, stopwatch: Stopwatch): Promise<number> {
  const slots = probes.flatMap((probe) => probe.slots);
  const seconds = await stopwatch.time((count) => {
    for (let i = 0; i < count; i++)
      for (const slot of slots) for (let at = 0; at < slot.size; at += uploadBytes) queue.writeBuffer(slot, at, next(Math.min(uploadBytes, slot.size - at)));
  });
  return seconds / slots.reduce((sum, { size }) => sum + size, 0);
}

/** Seconds of a layer that is uploaded and then run while the next one is uploaded, as the window does it. */
async function timeStreamed(
  device: GPUDevice,
  probe: Probe,
  layers: Probe['layers'],
  next: ReturnType<typeof createSource>,
  stopwatch: Stopwatch,
): Promise<number> {
  const { queue } = device;
  const { byteLength } = layers[0];
  const uploader = createUploader(queue, byteLength, () => () => {});
  const step = probe.step(firstPosition, 1);
  return stopwatch.time(async (count) => {
    let previous = Promise.resolve<undefined>(undefined);
    for (let i = 0; i < count; i++) {
      const slot = probe.slots[i % probe.slots.length];
      await uploader.write(slot, 0, next(Math.min(byteLength, slot.size, sourceBytes)));
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      layers[i % layers.length].program.encode(pass, step);
      pass.end();
      queue.submit([encoder.finish()]);
      const done = queue.onSubmittedWorkDone();
      done.catch(() => {}); // awaited in the next turn, if there is one: the GPU may be lost before
      await previous;
      previous = done;
    }
  });
}
