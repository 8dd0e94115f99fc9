// What a running engine tells of itself: memory, what is kept of conversations, checks, the device. Types only.
import { type TransferStats } from './generate.ts';
import { type OnDemandPlan } from './plan.ts';

/** What a policy has kept of a conversation. */
export interface KeptSlots {
  tokens: number;
  /** (layer, kv head): slots that are read. */
  layers: number[][];
  /** Where a policy has pages at home in worker memory. */
  away?: KeptAway;
  /** Where the processor attends to those. */
  answered?: KeptAnswered;
}

/** Pages of keys and values at home in worker memory. */
export interface KeptAway {
  /** Bytes there, and of those that it has no room for in storage. */
  homeBytes: number;
  storedBytes: number;
  /** Read back from storage so far. */
  readBytes: number;
  /** Steps of a token that pages were brought for, and bytes of those: in all, and most of one. */
  tokens: number;
  fetchedBytes: number;
  mostFetchedBytes: number;
  /** Runs of slots that were chosen, and those of them that were not there in time. */
  chosen: number;
  missed: number;
}

/** What the processor attended to. */
export interface KeptAnswered {
  /** Queries of layers that it answered, and bytes of those and of the answers, which went from the GPU and to it. */
  answers: number;
  crossedBytes: number;
  /** Slots that were in worker memory then, for each query head, and those of them whose keys it was multiplied with. */
  slots: number;
  scored: number;
  /** Where an index finds those: keys in it, its bytes, and milliseconds that were spent to make it. */
  index?: { keys: number; bytes: number; ms: number };
}

export interface EngineStats {
  /** GPU bytes alive now, by purpose, and the most there ever were. */
  gpuBytes: Record<string, number>;
  gpuBytesPeak: number;
  budgetBytes: number;
  submits: number;
  /** Bytes of weights that stay on the GPU, those that go there for every token, and those of them in worker memory. */
  keptBytes: number;
  streamedBytes: number;
  memoryBytes: number;
  /** Since the load, of weights that do not stay on the GPU. */
  transfer: TransferStats;
  /** What was expected of experts or neurons that are fetched on demand; what came is in `transfer`. */
  onDemand?: OnDemandPlan;
  /** Of the conversation that was used last, where a policy shapes what is kept. */
  kept?: KeptSlots;
  /** Milliseconds from the begin of the load until shapes were chosen, weights on the GPU, and kernels compiled. */
  readyMs: { choice: number; weights: number; programs: number };
  /** What a read of the browser's storage costs, once measured: a part for each read and a part for each byte. */
  storeCost?: StoreCost;
}

export interface StoreCost {
  secondsPerRead: number;
  secondsPerByte: number;
}

export interface VerifyResult {
  /** Numbers of parts, from 0, whose bytes were missing or wrong. */
  damaged: number[];
  parts: number;
  /** True if nothing was damaged, or all of it was mended from the model's address. */
  whole: boolean;
}

/** What the device itself can do, by two fixed kernels that the engine does not use. */
export interface DevicePeak {
  /** Bytes read and written per second by copying. */
  copyBytesPerSecond: number;
  /** A fused multiply-add counts as two. */
  flopsPerSecond: number;
}

export interface SelfTestResult {
  name: string;
  passed: boolean;
  /** Why this device cannot run it; it then counts as passed. */
  skipped?: string;
  message?: string;
}
