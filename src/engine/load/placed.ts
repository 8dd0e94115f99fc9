// The fifth value of a load: a planned model's buffers on one device, and what will bring weights into them. All of it is
// booked in one ledger; `free` gives it back.
import { DeviceError, RequestError } from '../../errors.ts';
import { type Scratch, createScratch } from '../../kv/tiers/scratch.ts';
import { type Sequence, type SequenceHome, createSequence } from '../../kv/sequence.ts';
import { type Ledger } from '../../gpu/ledger.ts';
import { createActivations } from '../../model/activations.ts';
import { type Activations } from '../../model/operation.ts';
import { opsOf, statesOf } from '../../model/operations.ts';
import { factorsOf } from '../../model/rope.ts';
import { type WeightsReader } from '../../weights/store/reader.ts';
import { type ResidentWeights, placeWeights } from '../../weights/stream/resident.ts';
import { type Uploader, createUploader } from '../../weights/stream/uploader.ts';
import { type PlannedModel } from './plan/planned.ts';
import { type Streaming, openStreaming } from './streaming.ts';

export interface PlacedModel {
  readonly planned: PlannedModel;
  readonly ledger: Ledger;
  readonly reader: WeightsReader;
  readonly weights: ResidentWeights;
  readonly activations: Activations;
  readonly home: SequenceHome;
  /** The first sequence, which is there as long as the model. */
  readonly sequence: Sequence;
  readonly uploader: Uploader;
  readonly streaming: Streaming;
}

/** Makes the buffers that live as long as the model does; they are empty. `reader` is where weights will come from. */
export async function placeModel(planned: PlannedModel, ledger: Ledger, reader: WeightsReader): Promise<PlacedModel> {
  const { chosen: { gpu: { device, maxBindingBytes }, opened: { graph, layout }, kv, options }, plan: { slices, groups, uploadBytes }, sizes } = planned;
  const { shape } = options;
  const weights = placeWeights(layout, slices, {
    maxBufferBytes: device.limits.maxBufferSize, maxBindingBytes, queue: device.queue, groups,
    allocate: (label, size) => ledger.create('weights', label, size, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST),
  });
  const activations = createActivations(ledger, graph, opsOf(graph), sizes);
  const angles = graph.ropes.flatMap((rope) => (rope.long ? factorsOf(rope, sizes.context)! : [])).join() || undefined;
  if (shape && shape.format !== kv)
    throw new DeviceError(`Kernels for ${shape.format.name} fail on this GPU, which kv ${shape.policy.name} needs. Load with f32, or another kv.`);
  const home: SequenceHome = {
    device, ledger, config: graph.config, context: sizes.context, format: kv, shape, states: statesOf(opsOf(graph)), angles, release: () => {},
    uploads: () => uploader, scratch: scratchFor(planned), bases: shape?.createBases(ledger),
  };
  const sequence = createSequence(home, true);
  await ledger.settle();
  const uploader = createUploader(device.queue, uploadBytes, (bytes) => ledger.reserve('staging', bytes));
  return { planned, ledger, reader, weights, activations, home, sequence, uploader, streaming: await openStreaming(planned, reader, weights, uploader) };
}

/** Undefined where no page has its place in storage. RequestError where one has, and there is none. */
function scratchFor({ chosen: { options: { shape, scratch } } }: PlannedModel): Scratch | undefined {
  if (!shape?.away.stored) return undefined;
  if (scratch) return createScratch(scratch);
  throw new RequestError(
    'kvOptions.memory has no room for all pages of a conversation, and there is no storage here for the others. Choose more, or 0 for all.',
  );
}

/** Waits for transfers under way, then frees everything. */
export async function free({ home, streaming, uploader, ledger }: PlacedModel): Promise<void> {
  await home.scratch?.removeAll();
  await streaming.stream?.close();
  await streaming.items?.stop();
  await uploader.idle();
  ledger.destroyAll();
}
