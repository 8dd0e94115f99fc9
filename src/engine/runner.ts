// Runs a loaded model: tokens in, logits or the next token out. Knows positions and programs, not text or requests.
import { DeviceError, RequestError } from '../errors.ts';
import { type LoadedModel } from './load.ts';
import { createPacer } from './pacer.ts';
import { type Program, type Step } from '../gpu/program.ts';

export interface Runner {
  /** Runs `ids` from `position` on; afterwards the logits of the last one are on the GPU. */
  feed(ids: readonly number[], position: number, signal?: AbortSignal): Promise<void>;
  /** As `feed`, and hands over the logits of every token, (rows, vocab), chunk by chunk. Needs a model loaded with `logitsRows`. */
  feedAll(ids: readonly number[], position: number, onRows: (logits: Float32Array, rows: number) => void, signal?: AbortSignal): Promise<void>;
  /** The logits of the last token that was fed, (vocab). */
  readLogits(): Promise<Float32Array>;
  /** Chooses the token after the `length` fed ones by a sampler's program, and returns it. */
  sample(choose: Program, length: number, signal?: AbortSignal): Promise<number>;
  /** Runs the token just sampled, at position `length`, and chooses the next. */
  step(choose: Program, length: number, signal?: AbortSignal): Promise<number>;
  readonly submits: number;
}

export function createRunner(model: LoadedModel): Runner {
  const { gpu: { device }, ledger, activations, cache, programs, heads, options, graph } = model;
  const { state, ids: idsBinding, buffers } = activations;
  const pacer = createPacer(device.queue);
  const stateWords = new Uint32Array(4);
  const readback = ledger.create('staging', 'readback.ids', 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  let submits = 0;
  let lost: GPUDeviceLostInfo | undefined;
  void device.lost.then((info) => (lost = info));

  function submit(encoder: GPUCommandEncoder): void {
    if (lost) throw new DeviceError(`The GPU was lost: ${lost.message || lost.reason}. Load the model again.`);
    device.queue.submit([encoder.finish()]);
    submits++;
  }

  /** Encodes programs in order, cut into submits by the pacer; the last submit also does `last`. */
  async function run(list: Program[], step: Step, last: (encoder: GPUCommandEncoder) => void, signal?: AbortSignal): Promise<void> {
    for (let i = 0; i < list.length; ) {
      signal?.throwIfAborted();
      const pieces = Math.min(pacer.piecesPerSubmit(step.rows), list.length - i);
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (let end = i + pieces; i < end; i++) list[i].encode(pass, step);
      pass.end();
      if (i === list.length) last(encoder);
      submit(encoder);
      await pacer.submitted(step.rows, pieces);
    }
  }

  function makeRoom(length: number): void {
    if (length > options.context) throw new RequestError(`${length} tokens do not fit the context of ${options.context}. Shorten the text or load the model with a longer context.`);
    if (cache.grow(device, length)) [...programs.decode, ...programs.prefill].forEach((program) => program.rebind());
  }

  const body = (rows: number) => (rows === 1 ? programs.decode : programs.prefill);

  function checkIds(ids: readonly number[]): void {
    if (!ids.length) throw new RequestError('There are no tokens to run: the prompt is empty.');
    const { vocab } = graph.config;
    const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocab));
    if (bad !== undefined) throw new RequestError(`The token ${bad} is not in the vocabulary of ${vocab} tokens.`);
  }

  async function forChunks(ids: readonly number[], position: number, each: (step: Step) => Promise<void>): Promise<void> {
    checkIds(ids);
    makeRoom(position + ids.length);
    device.queue.writeBuffer(idsBinding.buffer, 4 * position, Uint32Array.from(ids));
    for (let done = 0; done < ids.length; done += options.chunk) {
      const rows = Math.min(options.chunk, ids.length - done);
      stateWords.set([position + done, rows, 0, 0]);
      device.queue.writeBuffer(state.buffer, 0, stateWords);
      await each({ rows, length: position + done + rows });
    }
  }

  async function readId(length: number): Promise<number> {
    if (lost) throw new DeviceError(`The GPU was lost: ${lost.message || lost.reason}. Load the model again.`);
    await readback.mapAsync(GPUMapMode.READ);
    const id = new Uint32Array(readback.getMappedRange())[0];
    readback.unmap();
    if (id >= graph.config.vocab && model.gpu.computes) throw new DeviceError(`The sampler gave token ${id} at position ${length}; the vocabulary has ${graph.config.vocab}.`);
    return id;
  }

  const copyId = (encoder: GPUCommandEncoder, position: number) => encoder.copyBufferToBuffer(idsBinding.buffer, 4 * position, readback, 0, 4);

  async function readFloats(buffer: GPUBuffer, count: number): Promise<Float32Array> {
    const staging = ledger.create('staging', 'readback.logits', 4 * count, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    try {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, 4 * count);
      submit(encoder);
      await staging.mapAsync(GPUMapMode.READ);
      return new Float32Array(staging.getMappedRange().slice(0, 4 * count));
    } finally {
      ledger.destroy(staging);
    }
  }

  return {
    get submits() {
      return submits;
    },
    async feed(ids, position, signal) {
      const end = position + ids.length;
      await forChunks(ids, position, (step) => run(step.length === end ? [...body(step.rows), heads.last] : body(step.rows), step, () => {}, signal));
    },
    async feedAll(ids, position, onRows, signal) {
      const { all } = heads;
      if (!all) throw new RequestError('The model was loaded without room for the logits of every token.');
      await forChunks(ids, position, async (step) => {
        await run([...programs.prefill, all], step, () => {}, signal);
        onRows(await readFloats(buffers.logits.buffer, step.rows * graph.config.vocab), step.rows);
      });
    },
    readLogits: () => readFloats(buffers.logits.buffer, graph.config.vocab),
    async sample(choose, length, signal) {
      if (length >= options.context) throw new RequestError(`The context of ${options.context} tokens is full.`);
      await run([choose], { rows: 1, length }, (encoder) => copyId(encoder, length), signal);
      return readId(length);
    },
    async step(choose, length, signal) {
      makeRoom(length + 1);
      if (length + 1 >= options.context) throw new RequestError(`The context of ${options.context} tokens is full.`);
      await run([...programs.decode, heads.last, choose], { rows: 1, length: length + 1 }, (encoder) => copyId(encoder, length + 1), signal);
      return readId(length + 1);
    },
  };
}
