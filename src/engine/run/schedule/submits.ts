// Runs steps on the GPU: cut into submits by measured time, each streamed slice waited for, embeddings looked up where the GPU
// has no table of them. Knows no sampler and no tokens' meaning.
import { watchDevice } from '../../../gpu/device-watch.ts';
import { type Program, type Step } from '../../../gpu/program.ts';
import { type Sequence } from '../../../kv/sequence.ts';
import { type SequenceBuffers } from '../../../model/operation.ts';
import { writeRows } from '../../../model/sequence-buffers.ts';
import { type TransferStats } from '../../../protocol.ts';
import { type ItemCounters } from '../../../weights/stream/items/items.ts';
import { type StreamCounters } from '../../../weights/stream/stream.ts';
import { type LoadedModel } from '../../load/load.ts';
import { createChoices } from '../choices.ts';
import { type Pacer, createPacer, pageMs, tokenMs } from './pacer.ts';
import { mostPerSubmit } from '../readback.ts';
import { awayFor, inTurns } from './away.ts';

/** A part of a step, with the streamed slice that has to be in its slot. */
export interface Piece {
  /** Index of what it is a part of: of a layer, or the embedding. */
  section?: number;
  program: Pick<Program, 'encode'>;
  slice?: number;
  /** The activation buffers in which what it and those behind it in its section use may be held by those before it. */
  held?: readonly string[];
  /** The section whose experts are chosen at its end, and the one whose experts it reads, where they are fetched on demand. */
  chooses?: number;
  onDemand?: number;
  /** The layer by whose query the processor attends too, from its begin on, and the one for which it joins what that gives. */
  asks?: number;
  joins?: number;
}

/** What is done with the last submit of a run. */
export interface Last {
  /** At its end. */
  encode(encoder: GPUCommandEncoder): void;
  /** Once it is under way. */
  submitted(): void;
}

export interface Submits {
  /**
   * Encodes pieces in order, for each of `times` in turn, which are the steps of some sequences at once. Resolves when all is submitted.
   * `next`: the pieces of the runs that follow, so that what is streamed is read in their order.
   */
  run(pieces: readonly Piece[], times: readonly (readonly Step[])[], signal?: AbortSignal, last?: Last, next?: readonly (readonly Piece[])[]): Promise<void>;
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
  const { gpu: { device }, activations, stream, items, tables, planned: { chosen: { options: { experiment = {} } } } } = model;
  const pacer = createPacer(device.queue);
  const stalls = createStalls(pacer);
  const choices = items && createChoices(model, items);
  const waits = stream !== undefined || items !== undefined || tables !== undefined;
  const [check, watchFirst] = [watchDevice(device), firstLongStep(model)];
  let [rowsBefore, submits, hostMs] = [0, 0, 0]; // rows of the step that was last made ready, of all its sequences

  function submit(encoder: GPUCommandEncoder): void {
    check();
    device.queue.submit([encoder.finish()]);
    submits++;
  }

  const run: Submits['run'] = async (recorded, times, signal, given, next = []) => {
    const [pieces, rows] = [inTurns(recorded, times[0]), times[0].reduce((sum, step) => sum + step.rows, 0)];
    if (rows !== rowsBefore) writeRows(device.queue, activations, (rowsBefore = rows));
    const together = experiment.tokensPerSubmit && times[0].every((step) => step.rows === 1);
    const count = pieces.length * times.length;
    const piece = (i: number) => pieces[i % pieces.length];
    const [uses, lastChoice] = [usesOf(pieces), pieces.findLastIndex(({ chooses }) => chooses !== undefined)];
    const away = await awayFor(times[0], model.sections, pieces, signal);
    const last = away ? away.behind(given) : given;
    for (const { of, length } of times.at(-1)!) (of as Sequence | undefined)?.shaped?.queried.willRun(length);
    await choices?.begin(rows, rows === 1 && times.length === 1 ? (times[0][0].of as SequenceBuffers) : undefined);
    if (uses.length) stream?.begin([uses, ...next.map(usesOf)].flat().map(({ slice }) => slice)); // else what was announced before is still to come
    for (let i = 0; i < count; ) {
      signal?.throwIfAborted();
      const first = i;
      const { onDemand } = piece(i);
      for (const { slice } of uses.filter((each) => each.first === i)) await stalls.during(() => stream!.ready(slice, signal));
      const { back, last: isLast } = onDemand === undefined || choices!.isAhead ? { last: true } : await stalls.during(() => choices!.next(signal));
      if (back !== undefined) {
        i = back;
        continue;
      }
      await away?.before(piece(i));
      const end = !isLast ? i + 1 : Math.min(i + (together ? count : pacer.piecesPerSubmit(rows)), count);
      const begun = performance.now();
      const encoder = device.createCommandEncoder();
      choices?.restore(encoder);
      let pass = encoder.beginComputePass();
      do {
        if (i > first && piece(i - 1).chooses !== undefined) pass = encoder.beginComputePass();
        piece(i).program.encode(pass, times[Math.floor(i / pieces.length)]);
        const { chooses } = piece(i++);
        if (chooses === undefined) continue;
        pass.end();
        choices!.note(encoder, chooses, i, i - 1 === lastChoice);
      } while (i < end && isOneWith(piece(i - 1), piece(i), choices?.isAhead) && !away?.divides(piece(i - 1), piece(i)));
      if (piece(i - 1).chooses === undefined) pass.end();
      const behind = i === count ? last : away?.between(piece(i));
      behind?.encode(encoder);
      submit(encoder);
      choices?.submitted();
      hostMs += performance.now() - begun;
      for (const { last: lastUse } of uses) if (isLast && lastUse >= first && lastUse < i) stream!.submitted();
      behind?.submitted();
      await pacer.submitted(rows, i - first);
      if (!isLast) i = first; // once more, with other experts
    }
    watchFirst(times[0], pacer);
  };

  return {
    run, submit, check,
    wroteRows: (rows) => void (rowsBefore = rows),
    embed: (ids) => embedOnCpu(model, ids),
    tokensAtOnce: (pieces, rows) => (waits ? 1 : (experiment.tokensPerSubmit ?? tokensIn(pacer.piecesPerSubmit(rows, pageMs) / 2, pieces))),
    readsBehind: (pieces, rows) => !waits && pacer.piecesPerSubmit(rows, tokenMs) >= 2 * pieces,
    get submits() {
      return submits;
    },
    get hostMs() {
      return hostMs;
    },
    transfer: () => ({ ...transferOf(stream?.counters, items?.counters), rowBytes: rowBytesOf(model), ...stalls.counters }),
  };
}

/** Tells who chose the length of steps what a layer takes in the first of them, at the begin of a text; where weights are streamed nobody chose it. */
function firstLongStep({ sizes: { chunk }, stream, planned: { chosen: { chooser } } }: LoadedModel): (steps: readonly Step[], pacer: Pacer) => void {
  let isTold = stream !== undefined || chooser === undefined;
  return ([{ rows, length }, ...others], pacer) => {
    const ms = rows === chunk && length === rows && !others.length && !isTold ? pacer.msOf(rows) : undefined;
    if (ms === undefined) return;
    isTold = true;
    void chooser!.stepTook(ms).catch(() => undefined); // what cannot be noted is measured as before
  };
}

const tokensIn = (most: number, pieces: number): number => Math.max(1, Math.min(mostPerSubmit, Math.floor(most / pieces)));

/** Runs of pieces that use one slice, each from its first piece to its last one. */
function usesOf(pieces: readonly Piece[]): { slice: number; first: number; last: number }[] {
  const uses: { slice: number; first: number; last: number }[] = [];
  pieces.forEach(({ slice }, i) => {
    if (slice === undefined) return;
    const use = uses.at(-1);
    if (use?.slice === slice) use.last = i;
    else uses.push({ slice, first: i, last: i });
  });
  return uses;
}

/** Whether a piece may be in the submit of the one before it: nothing has to be read or brought between them. */
const isOneWith = (before: Piece, { slice, onDemand }: Piece, isAhead = false): boolean =>
  (isAhead || (before.chooses === undefined && onDemand === undefined)) && (slice === undefined || slice === before.slice);

const transferOf = (slices: Partial<StreamCounters> = {}, items: Partial<ItemCounters> = {}): Omit<TransferStats, 'rowBytes' | 'stalls' | 'stallMs'> => {
  const { storeBytes = 0, memoryBytes = 0, uploadedBytes = 0, transferMs = 0 } = slices;
  const { used = 0, there = 0, broughtBytes = 0 } = items;
  const [fromStore, fromMemory] = [items.storeBytes ?? 0, items.memoryBytes ?? 0];
  return {
    storeBytes: storeBytes + fromStore, memoryBytes: memoryBytes + fromMemory, uploadedBytes: uploadedBytes + broughtBytes,
    transferMs: transferMs + (items.transferMs ?? 0), itemsUsed: used, itemsThere: there, itemBytes: broughtBytes,
  };
};

/** Counts for how long the GPU had nothing to do while something was waited for. */
function createStalls(pacer: Pacer) {
  const counters = { stalls: 0, stallMs: 0 };
  return {
    counters,
    async during<T>(wait: () => Promise<T>): Promise<T> {
      const asked = performance.now();
      const result = await wait();
      const idle = pacer.idleSince();
      const waited = idle === undefined ? 0 : performance.now() - Math.max(asked, idle);
      if (waited < 0.1) return result; // the turn of a promise, no wait
      counters.stalls++;
      counters.stallMs += waited;
      return result;
    },
  };
}

/** Read so far of tables in which the CPU looks rows up. */
const rowBytesOf = ({ tables = [] }: LoadedModel): number => tables.reduce((sum, { rows }) => sum + rows.byteLength, 0);

async function embedOnCpu({ activations, tables = [], uploader }: LoadedModel, ids: readonly number[]): Promise<void> {
  for (const { op: { output, scale }, rows } of tables) {
    const floats = await rows.read(ids, scale, activations.strides[output]);
    await uploader.write(activations.buffers[output].buffer, 0, new Uint8Array(floats.buffer));
  }
}
