// Whether a kept conversation is brought back sooner from its state or by running its text again: a pure function of what both cost. Measures nothing.
import { type StoreCost } from '../../protocol.ts';
import { readSeconds } from '../../weights/stream/cost-model.ts';

/** What was kept. */
export interface KeptSize {
  tokens: number;
  /** Bytes in storage, in so many reads, of which `codedBytes` are decoded to more. */
  storedBytes: number;
  reads: number;
  codedBytes: number;
  /** Bytes that are put on the GPU. */
  stateBytes: number;
}

export interface BringCosts {
  store: StoreCost;
  /** Seconds of a byte that is decoded, and of one that is copied to the GPU. */
  perCodedByte: number;
  perUploadedByte: number;
  /** Of a long prompt. Undefined where that is not known. */
  prefillTokensPerSecond?: number;
}

/** Seconds of both, as they are expected. */
export interface BringSeconds {
  state: number;
  prompt?: number;
}

export function bringSeconds({ tokens, storedBytes, reads, codedBytes, stateBytes }: KeptSize, costs: BringCosts): BringSeconds {
  const { store, perCodedByte, perUploadedByte, prefillTokensPerSecond } = costs;
  const reading = readSeconds(store, storedBytes) + Math.max(0, reads - 1) * store.secondsPerRead;
  return {
    state: reading + codedBytes * perCodedByte + stateBytes * perUploadedByte,
    ...(prefillTokensPerSecond && { prompt: tokens / prefillTokensPerSecond }),
  };
}

/** The one that takes less; the state where the other is not known. */
export const soonest = ({ state, prompt }: BringSeconds): 'state' | 'prompt' => (prompt !== undefined && prompt < state ? 'prompt' : 'state');
