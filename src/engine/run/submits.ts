// Runs steps on the GPU: cut into submits by measured time, each streamed slice waited for, embeddings looked up where the GPU
// has no table of them. Knows no sampler and no tokens' meaning.
import { watchDevice } from '../../gpu/device-watch.ts';
import { type Program, type Step } from '../../gpu/program.ts';
import { writeRows } from '../../model/sequence-buffers.ts';
import { type TransferStats } from '../../protocol.ts';
import { type WeightStream } from '../../weights/stream/stream.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Pacer, createPacer, pageMs, tokenMs } from './pacer.ts';
import { mostPerSubmit } from './readback.ts';

/** A part of a step, with the streamed slice that has to be in its slot. */
export interface Piece {
  program: Pick<Program, 'encode'>;
  slice?: number;
}

/** What is done with the last submit of a run. */
export interface Last {
  /** At its end. */
  encode(encoder: GPUCommandEncoder): void;
  /** Once it is under way. */
  submitted(): void;
}

export interface Submits {
  /** Encodes pieces in order, for each of `times` in turn, which are the steps of some sequences at once. Resolves when all is submitted. */
  run(pieces: readonly Piece[], times: readonly (readonly Step[])[], signal?: AbortSignal, last?: Last): Promise<void>;
  submit(encoder: GPUCommandEncoder): void;
  /** DeviceError once the GPU was lost, or has refused work. */
  check(): void;
  /** Notes that the number of rows was written with a sequence's state. */
  wroteRows(rows: number): void;
  /** Puts the embeddings of tokens where the first layer reads them, if the GPU does not look them up. */
  embed(ids: readonly number[]): Promise<void>;
  /**
   * Tokens of each sequence in one submit: as many as take half of the time between two pictures of the page, as two submits are in flight;
   * one if the CPU has a part in each.
   */
  tokensAtOnce(pieces: number, rows: number): number;
  /** Whether tokens are read while the next submit runs: not where the CPU has a part in each, nor where a token in vain costs more than a wait. */
  readsBehind(pieces: number, rows: number): boolean;
  readonly submits: number;
  readonly hostMs: number;
  transfer(): TransferStats;
}

export function createSubmits(model: LoadedModel): Submits {
  const { gpu: { device }, activations, stream, rows: embedding } = model;
  const { experiment = {} } = model.planned.chosen.options;
  const pacer = createPacer(device.queue);
  const stalls = stream && createStalls(stream, pacer);
  const check = watchDevice(device);
  let rowsBefore = 0; // of the step that was last made ready, of all its sequences
  let submits = 0;
  let hostMs = 0;

  function submit(encoder: GPUCommandEncoder): void {
    check();
    device.queue.submit([encoder.finish()]);
    submits++;
  }

  async function run(pieces: readonly Piece[], times: readonly (readonly Step[])[], signal?: AbortSignal, last?: Last): Promise<void> {
    const rows = times[0].reduce((sum, step) => sum + step.rows, 0);
    if (rows !== rowsBefore) writeRows(device.queue, activations, (rowsBefore = rows));
    const together = experiment.tokensPerSubmit && times[0].every((step) => step.rows === 1);
    const count = pieces.length * times.length;
    const piece = (i: number) => pieces[i % pieces.length];
    stream?.begin(pieces.flatMap(({ slice }) => slice ?? []));
    for (let i = 0; i < count; ) {
      signal?.throwIfAborted();
      const { slice } = piece(i);
      if (slice !== undefined) await stalls!.waitFor(slice, signal);
      const first = i;
      const end = Math.min(i + (together ? count : pacer.piecesPerSubmit(rows)), count);
      const begun = performance.now();
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      do piece(i).program.encode(pass, times[Math.floor(i / pieces.length)]);
      while (++i < end && piece(i).slice === undefined);
      pass.end();
      if (i === count) last?.encode(encoder);
      submit(encoder);
      hostMs += performance.now() - begun;
      if (slice !== undefined) stream!.submitted();
      if (i === count) last?.submitted();
      await pacer.submitted(rows, i - first);
    }
  }

  return {
    run, submit, check,
    wroteRows: (rows) => void (rowsBefore = rows),
    embed: (ids) => embedOnCpu(model, ids),
    tokensAtOnce: (pieces, rows) =>
      stream || embedding
        ? 1
        : (experiment.tokensPerSubmit ?? Math.max(1, Math.min(mostPerSubmit, Math.floor(pacer.piecesPerSubmit(rows, pageMs) / 2 / pieces)))),
    readsBehind: (pieces, rows) => !stream && !embedding && pacer.piecesPerSubmit(rows, tokenMs) >= 2 * pieces,
    get submits() {
      return submits;
    },
    get hostMs() {
      return hostMs;
    },
    transfer: () => ({ ...noTransfer, ...stream?.counters, rowBytes: embedding?.byteLength ?? 0, ...stalls?.counters }),
  };
}

const noTransfer: TransferStats = { storeBytes: 0, memoryBytes: 0, uploadedBytes: 0, transferMs: 0, rowBytes: 0, stalls: 0, stallMs: 0 };

/** Waits for slices, and counts for how long the GPU had nothing else to do. */
function createStalls(stream: WeightStream, pacer: Pacer) {
  const counters = { stalls: 0, stallMs: 0 };
  return {
    counters,
    /** Until a slice is queued for its slot. */
    async waitFor(slice: number, signal?: AbortSignal): Promise<void> {
      const asked = performance.now();
      await stream.ready(slice, signal);
      const idle = pacer.idleSince();
      const waited = idle === undefined ? 0 : performance.now() - Math.max(asked, idle);
      if (waited < 0.1) return; // the turn of a promise, no wait
      counters.stalls++;
      counters.stallMs += waited;
    },
  };
}

async function embedOnCpu({ graph, activations, rows: embedding, uploader }: LoadedModel, ids: readonly number[]): Promise<void> {
  if (!embedding) return;
  const { output, scale } = graph.embed;
  const floats = await embedding.read(ids, scale, activations.strides[output]);
  await uploader.write(activations.buffers[output].buffer, 0, new Uint8Array(floats.buffer));
}
