// What the engine did in the last minutes: a sample each second while it answers or is looked at, and the numbers of each
// answer. Plain numbers for plots; knows no elements.
import { type Engine } from '../../api/engine.ts';
import { type EngineStats, type GenerateStats, type TransferStats } from '../../protocol.ts';

export interface Answer {
  /** Milliseconds since 1970. */
  time: number;
  stats: GenerateStats;
}

export interface Sample {
  /** Of a clock that only goes forward. */
  ms: number;
  /** Written so far. */
  tokens: number;
  stats: EngineStats;
}

const everyMs = 1000;
const most = 300;
/** Rates are over so many samples, so that a slow model's do not jump between nothing and much. */
const over = 4;

/** NaN for an answer of one token. */
export const speedOf = ({ newTokens, decodeMs }: GenerateStats): number => (newTokens > 1 && decodeMs > 0 ? ((newTokens - 1) * 1000) / decodeMs : NaN);

export class ActivityLog {
  samples: Sample[] = [];
  answers: Answer[] = [];
  /** Who wants samples, and whether still. */
  private wants: (() => boolean)[] = [];

  constructor(private readonly tokens: () => number, private readonly now = () => performance.now()) {}

  /** Takes samples of `engine` while `wanted`. Not by an interval: a busy worker answers late. */
  async follow(engine: Engine, wanted: () => boolean): Promise<void> {
    this.wants.push(wanted);
    if (this.wants.length > 1) return;
    while (this.wants.some((each) => each()) && (await this.sample(engine))) await new Promise((resolve) => setTimeout(resolve, everyMs));
    this.wants = [];
  }

  /** False if the engine has nothing to tell any more. */
  async sample(engine: Engine): Promise<boolean> {
    const stats = await engine.stats().catch(() => null);
    if (stats) this.samples = [...this.samples, { ms: this.now(), tokens: this.tokens(), stats }].slice(-most);
    return stats !== null;
  }

  add(stats: GenerateStats): void {
    this.answers = [...this.answers, { time: Date.now(), stats }].slice(-100);
  }

  /** Another model begins at zero. */
  clear(): void {
    this.samples = [];
    this.answers = [];
  }
}

type Difference = { seconds: number; tokens: number; of: (name: keyof TransferStats) => number };

/** What happened between each sample and the one a few before; nothing for the first. */
const differences = (samples: Sample[]): Difference[] =>
  samples.slice(1).map((now, i) => {
    const then = samples[Math.max(0, i + 1 - over)];
    const of = (name: keyof TransferStats): number => (now.stats.transfer?.[name] ?? 0) - (then.stats.transfer?.[name] ?? 0);
    return { seconds: (now.ms - then.ms) / 1000, tokens: now.tokens - then.tokens, of };
  });

export const tokensPerSecond = (samples: Sample[]): number[] => differences(samples).map(({ tokens, seconds }) => (seconds > 0 ? tokens / seconds : 0));

/** Of weights that do not stay on the GPU: bytes that went there, or were read from a tier. NaN where no token was written. */
export const bytesPerToken = (samples: Sample[], name: 'uploadedBytes' | 'storeBytes' | 'memoryBytes'): number[] =>
  differences(samples).map(({ of, tokens }) => (tokens > 0 ? of(name) / tokens : NaN));

/** The share of experts or neurons that were on the GPU when they were used, 0 to 1; NaN where none was. */
export const itemsThereShare = (samples: Sample[]): number[] =>
  differences(samples).map(({ of }) => (of('itemsUsed') > 0 ? of('itemsThere') / of('itemsUsed') : NaN));

/** The share of time in which the GPU waited for weights, 0 to 1. */
export const stalledShare = (samples: Sample[]): number[] =>
  differences(samples).map(({ of, seconds }) => (seconds > 0 ? Math.min(1, of('stallMs') / 1000 / seconds) : 0));

export const gpuBytesOf = ({ gpuBytes }: EngineStats): number => Object.values(gpuBytes).reduce((sum, bytes) => sum + bytes, 0);
