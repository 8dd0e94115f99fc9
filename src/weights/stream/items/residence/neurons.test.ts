// Neurons that are on, as they were recorded of a trained model: what a window of the last tokens lacks, and what policies with as many slots miss.
import { expect, it } from 'vitest';
import { activeNeurons } from '../../../../../test/models/neurons.ts';
import { record } from '../../../../../test/verified.ts';
import { belady, simulate } from '../simulate.ts';
import { neuronPolicy, simplePolicies } from './policies.ts';

const [layers, promptTokens] = [4, 5];
/** The fixture's own account: neurons that the last k tokens had on, and those of a token that they lack; of all layers, means of 100 tokens. */
const windows = [
  { k: 1, held: 107, lacking: 93.9 }, { k: 4, held: 367, lacking: 75.3 }, { k: 8, held: 633, lacking: 50.6 }, { k: 16, held: 978, lacking: 34.9 },
];

const trace = activeNeurons('sparse/stories-arcee', layers, 512);
const tokens = trace.length / layers - promptTokens;

/** Of each of the last 100 tokens what the `k` before it lack, on average. */
function lackingIn(k: number): number {
  const missing = trace.slice(layers * promptTokens).map((ids, i) => {
    const at = layers * promptTokens + i;
    const window = new Set(Array.from({ length: k }, (_, n) => trace[at - layers * (n + 1)] ?? []).flat());
    return ids.filter((id) => !window.has(id)).length;
  });
  return missing.reduce((a, b) => a + b) / tokens;
}

it.each(windows)('a window of $k tokens lacks what was counted, and the policy in use misses at most a tenth more in as many slots', ({ k, held, lacking }) => {
  // The account has its first tokens without those of the prompt before them.
  expect(Math.abs(lackingIn(k) / lacking - 1)).toBeLessThan(0.04);
  const from = layers * promptTokens;
  const missed = ({ used, there }: { used: number; there: number }) => (used - there) / tokens;
  const used = missed(simulate(trace, held, neuronPolicy(layers), from));
  const others = simplePolicies(layers, 25 * layers).map((policy) => `${policy.name}: ${missed(simulate(trace, held, policy, from)).toFixed(1)}`);
  record({
    point: `neurons of a trained model, missed of 107 that a token has on with ${held} slots of 2048`,
    command: 'npx vitest run --project unit src/weights/stream/items/residence/neurons.test.ts', adapter: 'none',
    value: `window of ${k}: ${lackingIn(k).toFixed(1)}; in use: ${used.toFixed(1)}; ${others.join('; ')}; ` +
      `Belady's bound: ${missed(belady(trace, held, from)).toFixed(1)}`,
  });
  expect(used / lacking).toBeLessThan(1.1);
});
