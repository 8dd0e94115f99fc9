// The short benchmark of the activity panel: one prompt and a few tokens on the loaded model, and what the device itself
// can do, to compare with. Knows no elements.
import { type Engine } from '../../api/engine.ts';
import { type DevicePeak } from '../../protocol.ts';

export interface Benchmark {
  promptTokens: number;
  newTokens: number;
  /** NaN where there was nothing to measure. */
  prefillTokensPerSecond: number;
  decodeTokensPerSecond: number;
  peak: DevicePeak;
}

const words =
  'The river begins as a spring below the northern ridge, falls through a wood of old beeches, turns the wheel of a mill that has not ground corn ' +
  'for sixty years, and goes on past the town to the sea. ';
const newTokens = 33;

/** `nonce` stands at the prompt's beginning, so that nothing of it is cached. */
export async function runBenchmark(engine: Engine, nonce = String(Date.now() % 1e6)): Promise<Benchmark> {
  const peak = await engine.peak();
  const content = `${nonce}: ${words.repeat(2)}Count from one to a hundred in words.`;
  const { stats } = await engine.chat.completions.create({ messages: [{ role: 'user', content }], temperature: 0, max_completion_tokens: newTokens });
  const prompt = stats.promptTokens - stats.cachedTokens;
  return {
    promptTokens: prompt,
    newTokens: stats.newTokens,
    prefillTokensPerSecond: stats.prefillMs > 0 ? (prompt * 1000) / stats.prefillMs : NaN,
    decodeTokensPerSecond: stats.newTokens > 1 && stats.decodeMs > 0 ? ((stats.newTokens - 1) * 1000) / stats.decodeMs : NaN,
    peak,
  };
}

/** One line each, for people and for a report. */
export const benchmarkLines = ({ promptTokens, newTokens: made, prefillTokensPerSecond, decodeTokensPerSecond, peak }: Benchmark): string[] => [
  `prefill ${speed(prefillTokensPerSecond)} (${promptTokens} tokens), decode ${speed(decodeTokensPerSecond)} (${made} tokens)`,
  `device copies ${(peak.copyBytesPerSecond / 1e9).toFixed(1)} GB/s, computes ${(peak.flopsPerSecond / 1e9).toFixed(0)} GFLOP/s`,
];

const speed = (tokensPerSecond: number): string => (Number.isNaN(tokensPerSecond) ? 'not measured' : `${tokensPerSecond.toFixed(1)} tokens/s`);
