// How many GPU bytes to use when nobody says: WebGPU does not tell how much memory there is, so this guesses from what it
// does tell, and a failed allocation corrects the guess.
import { hasCode } from '../../../errors.ts';
import { chooseAgain } from '../chosen.ts';
import { type PlannedModel, planFor, planModel } from './planned.ts';

const mostBytes = 4 * 2 ** 30;
const shrink = 0.6;
const attempts = 6;

export interface KnownMemory {
  /** `navigator.deviceMemory`, in GiB, where the browser tells it. */
  deviceMemory?: number;
  /** Of the machine, where no browser rounds or hides it and no other page is disturbed: on the command line. */
  memoryBytes?: number;
  /** The adapter is in software: what it takes is what programs take. */
  software?: boolean;
}

export function defaultBudget({ maxBufferSize }: Pick<GPUSupportedLimits, 'maxBufferSize'>, { deviceMemory, memoryBytes, software }: KnownMemory = {}): number {
  // A graphics card may have more or less than this: one that has less refuses, and `loadByGuess` goes down from there.
  if (memoryBytes !== undefined && !software) return Math.min(memoryBytes / 2, 8 * maxBufferSize);
  // Half of the memory where graphics share it with everything else; small devices allow small buffers. Safari does not tell,
  // allows 1 GiB on phones and tablets, and ends a page there that takes about 1.5 GiB, without any error before.
  const share = deviceMemory !== undefined ? (deviceMemory / 2) * 2 ** 30 : maxBufferSize <= 2 ** 30 ? 2 ** 30 : mostBytes;
  return Math.min(mostBytes, share, 8 * maxBufferSize);
}

export const deviceMemory = (): number | undefined => (globalThis.navigator as { deviceMemory?: number } | undefined)?.deviceMemory;

/** Loads; where the GPU cannot allocate what a guessed budget allows, loads again with less than was planned. `load` leaves nothing where it fails. */
export async function loadByGuess<Loaded>(planned: PlannedModel, load: (planned: PlannedModel) => Promise<Loaded>): Promise<Loaded> {
  for (let at = planned, attempt = 1; ; attempt++) {
    try {
      return await load(at);
    } catch (error) {
      const { gpu, opened, options, choice, kv } = at.chosen;
      const less = { ...options, budgetBytes: Math.floor(shrink * at.plan.totalBytes) };
      if (!hasCode(error, 'gpu_out_of_memory') || attempt === attempts || planFor(gpu, opened, { ...less, choice, kv }).verdict === 'refused') throw error;
      at = planModel(await chooseAgain(at.chosen, less));
    }
  }
}
