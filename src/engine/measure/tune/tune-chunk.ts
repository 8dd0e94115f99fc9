// Chooses how many tokens a step of prefill takes, by timing the products of the model's own matrices for several numbers
// of rows. How many there is room for is plan.ts's business.
import { writeState } from '../../../model/sequence-buffers.ts';
import { rank } from '../../../gpu/autotune.ts';
import { type Dispatch, runsIn } from '../../../gpu/program.ts';
import { type KernelChoice, chunks } from '../../../model/choices/kernel-choice.ts';
import { type TimedTarget } from './tune.ts';
import { type AdapterNotes } from './tuning.ts';

/** A longer step is taken unless a shorter one takes so much less time for a token. */
const margin = 0.05;
/** Products of one layer take no longer than this in one go: meanwhile the GPU draws no page. */
const mostMs = 100;
/** Loads that measure again if no time was left for any, and for how long: the weights wait for it. */
const mostTries = 3;
const againMs = 400;
/** Matrices of a kind that are run in turn, so that a cache does not keep them for the next sample. */
const mostMatrices = 4;

/**
 * `choice` with the fastest number of tokens for a step of at most `target.chunk`, as noted or as measured now; `later`: where no time is
 * left, another load may measure it.
 */
export async function tuneChunk(
  target: TimedTarget,
  choice: KernelChoice,
  notes: AdapterNotes,
  deadline: number,
  later = false,
): Promise<{ choice: KernelChoice; learned: boolean }> {
  const noted = notes.chunks?.[target.products];
  if (noted && noted.of >= target.chunk) return { choice: { ...choice, chunk: noted.chunk }, learned: false };
  const layers = target.record('prefill', choice).filter((each) => each.kind && runsIn(each, { rows: chunks[0], length: chunks[0] }));
  const measuring = await target.begin('chunk');
  const { timed, late } = measuring
    ? await time(target, layers, notes.late?.chunk ? Math.min(deadline, target.now() + againMs) : deadline)
    : { timed: [], late: false };
  // A device that is too slow, or too busy, to be measured takes the shortest steps: a submit of seconds resets some GPUs.
  const shortest = Math.min(target.chunk, ...chunks);
  const compared = timed.length > 1 || (timed.length === 1 && !late);
  const chunk = compared
    ? fastest(timed)
    : Math.max(shortest, ...(timed.length ? chunks.filter((rows) => rows <= choice.chunk && timed[0].ms * rows <= mostMs) : []));
  if (!timed.length && measuring) {
    const tries = (notes.late?.chunk ?? 0) + 1;
    notes.late = { ...notes.late, chunk: tries };
    if (tries < mostTries) return { choice: { ...choice, chunk }, learned: true };
  }
  if (!measuring || (!compared && later)) return { choice: { ...choice, chunk }, learned: false };
  notes.chunks = { ...notes.chunks, [target.products]: { chunk, of: target.chunk } };
  return { choice: { ...choice, chunk }, learned: true };
}

interface Timed {
  rows: number;
  /** Of all kinds of matrices once, for one row. */
  ms: number;
}

/** The shortest steps first, as far as there is time; `late` if that ended it. */
async function time(
  { gpu: { device, software }, ledger, kernels, clock, now, activations, sequence, chunk }: TimedTarget,
  products: Dispatch[],
  deadline: number,
): Promise<{ timed: Timed[]; late: boolean }> {
  const kinds = [...new Set(products.map(({ kind }) => kind))].map((kind) => products.filter((dispatch) => dispatch.kind === kind));
  const dispatches = Array.from({ length: mostMatrices }, (_, i) => kinds.map((same) => same[i % same.length])).flat();
  const timed: Timed[] = [];
  for (const rows of chunks.filter((each) => each <= chunk)) {
    const expected = (timed.at(-1)?.ms ?? 0) * rows;
    if (expected > mostMs) break;
    if (now() + 2 * expected >= deadline) return { timed, late: true };
    writeState(device.queue, activations, sequence, 0, rows);
    const [found] = await rank(
      { device, software, ledger, kernels, clock, now },
      { rows, length: rows, of: sequence },
      [{ value: rows, dispatches, together: kinds.length }],
      deadline,
    );
    if (!found) return { timed, late: true };
    timed.push({ rows, ms: found.ms / rows });
    if ((await clock.sampleMs()) === undefined) return { timed, late: true }; // only whether it is far too slow can be told
  }
  return { timed, late: false };
}

const fastest = (timed: Timed[]): number => timed.reduceRight((best, each) => (each.ms < best.ms * (1 - margin) ? each : best)).rows;
