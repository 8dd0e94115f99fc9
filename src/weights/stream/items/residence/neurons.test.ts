// Neurons that are on, as they were recorded, of a squared ReLU and of ReLU gates: what a window of the last tokens lacks, and what policies with as
// many slots miss.
import { expect, it } from 'vitest';
import { jsonFixture } from '../../../../../test/models/fixture.ts';
import { activeNeurons } from '../../../../../test/models/neurons.ts';
import { isFull, record } from '../../../../../test/verified.ts';
import { type Trace, belady, simulate } from '../simulate.ts';
import { neuronPolicy, simplePolicies } from './policies.ts';

/** Distinct neurons that the last k tokens had on, and those of a token that they lack; of all layers, means of an answer's tokens. */
interface Window {
  k: number;
  held: number;
  lacking: number;
}

interface Model {
  name: string;
  layers: number;
  neurons: number;
  promptTokens: number;
  /** The fixture's own account. */
  windows: Window[];
}

const models: Model[] = [
  {
    name: 'sparse/stories-arcee', layers: 4, neurons: 512, promptTokens: 5,
    windows: [{ k: 1, held: 107, lacking: 93.9 }, { k: 4, held: 367, lacking: 75.3 }, { k: 8, held: 633, lacking: 50.6 }, { k: 16, held: 978, lacking: 34.9 }],
  },
  {
    name: 'sparse/stories-smallthinker', layers: 4, neurons: 1024, promptTokens: 5,
    windows: [{ k: 1, held: 57, lacking: 54.6 }, { k: 4, held: 217, lacking: 51.1 }, { k: 8, held: 406, lacking: 45.3 }, { k: 16, held: 717, lacking: 37.4 }],
  },
  {
    name: 'tiny/tiny-llama-relu', layers: 3, neurons: 512, promptTokens: 24,
    windows: jsonFixture<{ windows: Window[] }>('tiny/tiny-llama-relu.json').windows,
  },
];

const tracesOf = new Map(models.map(({ name, layers, neurons }) => [name, activeNeurons(name, layers, neurons)]));

/** Of each token of the answer what the `k` before it lack, on average. */
function lackingIn(trace: Trace, { layers, promptTokens }: Model, k: number): number {
  const missing = trace.slice(layers * promptTokens).map((ids, i) => {
    const at = layers * promptTokens + i;
    const window = new Set(Array.from({ length: k }, (_, n) => trace[at - layers * (n + 1)] ?? []).flat());
    return ids.filter((id) => !window.has(id)).length;
  });
  return missing.reduce((a, b) => a + b) / (trace.length / layers - promptTokens);
}

const cases = models.flatMap((model, i) => model.windows.filter(({ k }) => isFull || i === 0 || k === 8).map((window) => ({ ...model, ...window, model })));

it.each(cases)('a window of $k tokens of $name lacks what was counted, and the policy in use misses at most a tenth more in as many slots', (each) => {
  const { k, name, layers, neurons, promptTokens, lacking, model } = each;
  const held = Math.round(each.held);
  const trace = tracesOf.get(name)!;
  const tokens = trace.length / layers - promptTokens;
  const counted = lackingIn(trace, model, k);
  // The account has its first tokens without those of the prompt before them.
  expect(Math.abs(counted / lacking - 1)).toBeLessThan(0.04);
  const from = layers * promptTokens;
  const missed = ({ used, there }: { used: number; there: number }) => (used - there) / tokens;
  const used = missed(simulate(trace, held, neuronPolicy(layers), from));
  const others = simplePolicies(layers, 25 * layers).map((policy) => `${policy.name}: ${missed(simulate(trace, held, policy, from)).toFixed(1)}`);
  const active = trace.slice(from).flat().length / tokens;
  record({
    point: `neurons of ${name}, missed of ${active.toFixed(0)} that a token has on with ${held} slots of ${layers * neurons}`,
    command: 'npx vitest run --project unit src/weights/stream/items/residence/neurons.test.ts', adapter: 'none',
    value: `window of ${k}: ${counted.toFixed(1)}; in use: ${used.toFixed(1)}; ${others.join('; ')}; ` +
      `Belady's bound: ${missed(belady(trace, held, from)).toFixed(1)}`,
  });
  expect(used / lacking).toBeLessThan(1.1);
});
