// Runs a loaded model: tokens in, logits or the next token out. Knows positions and programs, not text or requests.
import { writeRows, writeState } from '../../model/sequence-buffers.ts';
import { DeviceError, RequestError } from '../../errors.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Stage } from '../load/recorded.ts';
import { createPacer, pageMs } from './pacer.ts';
import { createReadback, mostPerSubmit } from './readback.ts';
import { type Step } from '../../gpu/program.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { mostChosen } from '../../model/chosen-rows.ts';
import { type Sampler } from '../../model/sampling/sampler.ts';
import { noToken } from '../../model/sampling/uniform.ts';
import { type Token, type TransferStats } from '../../protocol.ts';

export interface Runner {
  /** Runs `ids` from `position` on; afterwards the logits of the last one are on the GPU. */
  feed(ids: readonly number[], position: number, signal?: AbortSignal): Promise<void>;
  /** As `feed`, and hands over the logits of every token, (rows, vocab), chunk by chunk. Needs a model loaded with `logitsRows`. */
  feedAll(ids: readonly number[], position: number, onRows: (logits: Float32Array, rows: number) => void, signal?: AbortSignal): Promise<void>;
  /** As `feed`, and gives the logits of the tokens at `rows`, indices into `ids`: (row, vocab). Needs a model loaded with as many `logitsRows`, up to 8. */
  feedRows(ids: readonly number[], position: number, rows: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
  /** The logits of the last token that was fed, (vocab). */
  readLogits(): Promise<Float32Array>;
  /** Starts a sampler and chooses the token after the `length` fed ones. */
  sample(sampler: Sampler, length: number, signal?: AbortSignal): Promise<Token>;
  /** Runs the token just sampled, at position `length`, and chooses the next. */
  step(sampler: Sampler, length: number, signal?: AbortSignal): Promise<Token>;
  /**
   * Starts a sampler, chooses up to `most` tokens after the `length` fed ones and hands them over as they come back, one
   * or several at a time: where tokens take little time, several are made per submit, and the next submit is under way
   * while one is read, if the sampler may go ahead of the CPU. So when the caller has enough and leaves the loop, later
   * tokens may have been made in vain.
   */
  tokens(sampler: Sampler, length: number, most: number, signal?: AbortSignal): AsyncGenerator<Token[], void>;
  /** The same for another sequence of the model. One of them runs at a time. */
  of(sequence: Sequence): Runner;
  readonly submits: number;
  /** Milliseconds spent encoding and submitting so far. */
  readonly hostMs: number;
  /** Streamed weights, since the model was loaded. */
  transfer(): TransferStats;
}

export function createRunner(model: LoadedModel): Runner {
  const { gpu: { device }, ledger, activations, programs, heads, sizes, graph, window, rows: embedding, uploader } = model;
  const { experiment = {} } = model.planned.chosen.options;
  const { buffers } = activations;
  const pacer = createPacer(device.queue);
  const readback = createReadback(ledger, graph.config.vocab);
  let stepRows = 0; // of the step that was last made ready, of all its sequences
  let submits = 0;
  let hostMs = 0;
  let stalls = 0;
  let stallMs = 0;
  let lost: GPUDeviceLostInfo | undefined;
  let wrong: GPUError | undefined; // after which work may be left out without a word
  const noteError = ({ error }: GPUUncapturedErrorEvent) => (wrong ??= error);
  device.addEventListener('uncapturederror', noteError);
  void device.lost.then((info) => {
    lost = info;
    device.removeEventListener('uncapturederror', noteError); // Dawn holds it for ever, and it holds the device
  });

  function checkGpu(): void {
    if (lost) throw new DeviceError(`The GPU was lost: ${lost.message || lost.reason}. Load the model again.`, { code: 'gpu_lost' });
    if (wrong) throw new DeviceError(`The GPU refused work: ${wrong.message.split('\n')[0]}. Load the model again, with a smaller budget or context if memory was short.`, { code: 'gpu_refused_work' });
  }

  function submit(encoder: GPUCommandEncoder): void {
    checkGpu();
    device.queue.submit([encoder.finish()]);
    submits++;
  }

  /** Encodes stages in order, for each step in turn, cut into submits by the pacer and before each streamed slice; the last submit also does `last`. */
  async function run(stages: Stage[], steps: Step[], last: (encoder: GPUCommandEncoder) => void, submitted: () => void, signal?: AbortSignal): Promise<void> {
    const { rows } = steps[0];
    if (rows !== stepRows) writeRows(device.queue, activations, (stepRows = rows));
    const pieces = stages.length * steps.length;
    const stage = (i: number) => stages[i % stages.length];
    window?.begin(stages.flatMap(({ slice }) => slice ?? []));
    for (let i = 0; i < pieces; ) {
      signal?.throwIfAborted();
      const { slice } = stage(i);
      if (slice !== undefined) await waitFor(slice, signal);
      const first = i;
      const most = rows === 1 && experiment.tokensPerSubmit ? pieces : pacer.piecesPerSubmit(rows);
      const end = Math.min(i + most, pieces);
      const begun = performance.now();
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      do stage(i).program.encode(pass, steps[Math.floor(i / stages.length)]);
      while (++i < end && stage(i).slice === undefined);
      pass.end();
      if (i === pieces) last(encoder);
      submit(encoder);
      hostMs += performance.now() - begun;
      if (slice !== undefined) window!.submitted();
      if (i === pieces) submitted();
      await pacer.submitted(rows, i - first);
    }
  }

  /** Runs stages for one step. */
  const runStep = (stages: Stage[], step: Step, signal?: AbortSignal) => run(stages, [step], () => {}, () => {}, signal);

  function badToken(id: number, position: number): string {
    const { gpu: { adapterName } } = model;
    const { vocab } = graph.config;
    if (id !== noToken) return `The sampler gave token ${id} at position ${position}; the vocabulary has ${vocab}. A kernel computes wrongly on ${adapterName}: update the browser or the graphics driver, or choose another GPU.`;
    return `No token can be chosen for position ${position}: none of its ${vocab} logits is a finite number. Either ${adapterName} computes wrongly, or the weights are damaged: check the file's hash, measure and test the kernels again (\`retune\`), or update the browser and the graphics driver.`;
  }

  /** Waits until a slice is queued for its slot, and notes for how long the GPU had nothing else to do. */
  async function waitFor(slice: number, signal?: AbortSignal): Promise<void> {
    const asked = performance.now();
    await window!.ready(slice, signal);
    const idle = pacer.idleSince();
    const waited = idle === undefined ? 0 : performance.now() - Math.max(asked, idle);
    if (waited < 0.1) return; // the turn of a promise, no wait
    stalls++;
    stallMs += waited;
  }

  /** Puts the embeddings of tokens where the first layer reads them, if the GPU does not look them up. */
  async function embed(ids: readonly number[]): Promise<void> {
    if (!embedding) return;
    const floats = await embedding.read(ids, graph.embed.scale, activations.strides[graph.embed.output]);
    await uploader.write(buffers[graph.embed.output].buffer, 0, new Uint8Array(floats.buffer));
  }

  const body = (rows: number) => (rows === 1 ? programs.decode : programs.prefill);

  function checkIds(ids: readonly number[]): void {
    if (!ids.length) throw new RequestError('There are no tokens to run: the prompt is empty.');
    const { vocab } = graph.config;
    const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocab));
    if (bad !== undefined) throw new RequestError(`The token ${bad} is not in the vocabulary of ${vocab} tokens.`);
  }

  async function readFloats(buffer: GPUBuffer, count: number): Promise<Float32Array> {
    const staging = ledger.create('staging', 'readback.logits', 4 * count, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    try {
      await ledger.settle();
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, 4 * count);
      submit(encoder);
      await staging.mapAsync(GPUMapMode.READ);
      return new Float32Array(staging.getMappedRange().slice(0, 4 * count));
    } finally {
      ledger.destroy(staging);
    }
  }

  /** As many as take half of the time between two pictures of the page, as two submits are in flight; one if the CPU has a part in each. */
  const tokensPerSubmit = (stages: number): number => (window || embedding ? 1 : (experiment.tokensPerSubmit ?? Math.max(1, Math.min(mostPerSubmit, Math.floor(pacer.piecesPerSubmit(1, pageMs) / 2 / stages)))));

  /** Whether ids are read while the next submit runs: not where the CPU has a part in each token, nor where a token in vain costs more than a wait. */
  const readsBehind = (): boolean => !window && !embedding && pacer.piecesPerSubmit(1) >= 2 * (programs.decode.length + heads.last.length + 1);

  function on(sequence: Sequence): Runner {
    const { ids: idsBinding } = sequence;
    let lastId: number | undefined; // the token that the sampler chose last
    let chosen: number[] = []; // since a sampler started that asks
    let boundFor = 0; // positions that there was room for when bind groups were made

    /** Runs stages and then the sampler for each step, and reads the tokens that it chose, which begin at `position`. The outer promise is that of the submits. */
    async function runAndRead(stages: Stage[], sampler: Sampler, steps: Step[], position: number, signal?: AbortSignal): Promise<{ tokens: Promise<Token[]> }> {
      sampler.before?.(sequence, chosen);
      let read: () => Promise<Token[]>;
      let tokens!: Promise<Token[]>;
      const copy = (encoder: GPUCommandEncoder) => (read = readback.copy(encoder, idsBinding.buffer, sampler.recordsOf?.(sequence), position, steps.length));
      await run([...stages, { program: sampler.program }], steps, copy, () => {
        tokens = read().then((made) => checkChosen(made, sampler, position));
        tokens.catch(() => {}); // may be awaited after the next submit
      }, signal);
      return { tokens };
    }

    function checkChosen(tokens: Token[], { masked, before }: Sampler, position: number): Token[] {
      checkGpu();
      const wrong = tokens.findIndex(({ id }) => id >= graph.config.vocab);
      if (wrong >= 0) device.queue.writeBuffer(idsBinding.buffer, 4 * position, new Uint32Array(tokens.length)); // a later answer may read on after its own end
      if (wrong >= 0 && model.gpu.computes) {
        const { id } = tokens[wrong];
        if (masked && id === noToken) throw new RequestError(`No token can be chosen for position ${position + wrong}: the mask allows none whose logit is a finite number. Allow others.`);
        throw new DeviceError(badToken(id, position + wrong), { code: 'kernel_failed' });
      }
      lastId = tokens.at(-1)?.id;
      if (before) chosen.push(...tokens.map(({ id }) => id));
      return tokens;
    }

    async function makeRoom(length: number): Promise<void> {
      if (length > sizes.context) throw new RequestError(`${length} tokens do not fit the context of ${sizes.context}. Shorten the text or load the model with a longer context.`, { code: 'context_length_exceeded' });
      await sequence.makeRoom(length);
      if (boundFor === sequence.capacity) return;
      [...programs.decode, ...programs.prefill].forEach(({ program }) => program.bind(sequence));
      boundFor = sequence.capacity;
    }

    async function forChunks(ids: readonly number[], position: number, each: (step: Step) => Promise<void>): Promise<void> {
      checkIds(ids);
      await makeRoom(position + ids.length);
      sequence.note(position, []); // what an abort leaves behind is not what was there
      device.queue.writeBuffer(idsBinding.buffer, 4 * position, Uint32Array.from(ids));
      for (let done = 0; done < ids.length; done += sizes.chunk) {
        const rows = Math.min(sizes.chunk, ids.length - done);
        writeState(device.queue, activations, sequence, position + done, (stepRows = rows));
        await embed(ids.slice(done, done + rows));
        await each({ rows, length: position + done + rows, of: sequence });
        sequence.note(position + done, ids.slice(done, done + rows));
      }
    }

    async function sample(sampler: Sampler, length: number, signal?: AbortSignal): Promise<Token> {
      if (length >= sizes.context) throw new RequestError(`The context of ${sizes.context} tokens is full.`, { code: 'context_length_exceeded' });
      chosen = [];
      sampler.start(sequence);
      return (await (await runAndRead([], sampler, [{ rows: 1, length, of: sequence }], length, signal)).tokens)[0];
    }

    async function step(sampler: Sampler, length: number, signal?: AbortSignal): Promise<Token> {
      await makeRoom(length + 1);
      if (length + 1 >= sizes.context) throw new RequestError(`The context of ${sizes.context} tokens is full.`, { code: 'context_length_exceeded' });
      if (lastId === undefined) throw new RequestError('There is no sampled token to go on from.');
      await embed([lastId]);
      return (await (await runAndRead([...programs.decode, ...heads.last], sampler, [{ rows: 1, length: length + 1, of: sequence }], length + 1, signal)).tokens)[0];
    }

    return {
      get submits() {
        return submits;
      },
      get hostMs() {
        return hostMs;
      },
      of: on,
      transfer: () => ({ storeBytes: 0, memoryBytes: 0, uploadedBytes: 0, transferMs: 0, ...window?.counters, rowBytes: embedding?.byteLength ?? 0, stalls, stallMs }),
      async feed(ids, position, signal) {
        const end = position + ids.length;
        await forChunks(ids, position, (step) => runStep(step.length === end ? [...body(step.rows), ...heads.last] : body(step.rows), step, signal));
      },
      async feedAll(ids, position, onRows, signal) {
        const { all } = heads;
        if (!all) throw new RequestError('The model was loaded without room for the logits of every token.');
        await forChunks(ids, position, async (step) => {
          await runStep([...programs.prefill, ...all], step, signal);
          onRows(await readFloats(buffers.logits.buffer, step.rows * graph.config.vocab), step.rows);
        });
      },
      async feedRows(ids, position, rows, signal) {
        const picked = heads.chosen;
        const { vocab } = graph.config;
        const most = Math.min(sizes.logitsRows, mostChosen);
        if (!picked) throw new RequestError('The model was loaded without room for the logits of chosen tokens.');
        if (rows.length < 1 || rows.length > most) throw new RequestError(`The logits of ${rows.length} tokens were asked for; the model was loaded for 1 to ${most} of them.`);
        const bad = rows.find((row) => !(Number.isInteger(row) && row >= 0 && row < ids.length));
        if (bad !== undefined) throw new RequestError(`The logits of token ${bad} were asked for; the ${ids.length} tokens are counted from 0.`);
        const all = new Float32Array(rows.length * vocab);
        await forChunks(ids, position, async (step) => {
          await runStep(body(step.rows), step, signal);
          const first = step.length - step.rows - position;
          const here = [...rows.keys()].filter((i) => rows[i] >= first && rows[i] < first + step.rows);
          if (!here.length) return;
          device.queue.writeBuffer(picked.rows.rows.buffer, 0, Uint32Array.from(here, (i) => rows[i] - first));
          writeRows(device.queue, picked.rows, here.length);
          await runStep(picked.stages, { ...step, rows: here.length }, signal);
          const logits = await readFloats(buffers.logits.buffer, here.length * vocab);
          here.forEach((i, n) => all.set(logits.subarray(n * vocab, (n + 1) * vocab), i * vocab));
        });
        return all;
      },
      readLogits: () => readFloats(buffers.logits.buffer, graph.config.vocab),
      sample,
      step,
      async *tokens(sampler, length, most, signal) {
        if (most < 1) return;
        yield [await sample(sampler, length, signal)];
        const end = Math.min(length + most, sizes.context); // ids have a place below it
        const stages = [...programs.decode, ...heads.last];
        const pending: Promise<Token[]>[] = [];
        try {
          for (let at = length + 1; at < end || pending.length; ) {
            const count = Math.min(sampler.ahead ? tokensPerSubmit(stages.length + 1) : 1, end - at);
            if (count > 0) {
              await makeRoom(at + count - 1);
              if (embedding) await embed([lastId!]);
              const steps = Array.from({ length: count }, (_, i) => ({ rows: 1, length: at + i, of: sequence }));
              pending.push((await runAndRead(stages, sampler, steps, at, signal)).tokens);
              at += count;
            }
            while (pending.length > (at < end && sampler.ahead && readsBehind() ? 1 : 0)) yield await pending.shift()!;
          }
        } finally {
          await Promise.allSettled(pending); // a buffer that is mapped takes no copy
        }
      },
    };
  }

  return on(model.sequence);
}
