// Checks of the programs that choose the next token: greedy, and by drawing with every filter.
import { createSamplerScratch } from '../../model/sampling/buffers.ts';
import { compiled, createSamplers } from '../../model/sampling/sampler.ts';
import { candidates, excludesAt, greedy, uniform, type Sampling } from '../../reference/sampling/sampler.ts';
import { type Case, type Check, type Outcome, WrongResult } from './check.ts';
import { decodeChoice } from './choice.ts';
import { type Random, normals, random } from './random.ts';
import { withStage } from './workbench.ts';

const kinds: Record<string, (vocab: number, next: Random) => Float32Array<ArrayBuffer>> = {
  normal: (vocab, next) => normals(next, vocab, 3),
  ties: (vocab, next) => normals(next, vocab, 2).map(Math.round),
  flat: (vocab) => new Float32Array(vocab).fill(0.5),
  masked: (vocab, next) => normals(next, vocab, 4).map((logit) => (next() < 0.9 ? -Infinity : logit)),
};

const settings: Sampling[] = [
  { temperature: 0, topK: 0, topP: 1, minP: 0 },
  { temperature: 1, topK: 0, topP: 1, minP: 0 },
  { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05 },
  { temperature: 1.5, topK: 7, topP: 1, minP: 0 },
  { temperature: 1.2, topK: 300, typicalP: 0.7, topP: 0.9, minP: 0.01 },
  { temperature: 1, topK: 0, typicalP: 0.3, topP: 1, minP: 0 },
  { temperature: 0.8, topK: 0, topP: 1, minP: 0, xtcProbability: 1, xtcThreshold: 0.02 },
  { temperature: 1.1, topK: 50, topP: 0.9, minP: 0, xtcProbability: 0.5, xtcThreshold: 0.07 },
];

const seeds = 5;

/** A draw per seed. Found is how far the drawn token's share of [0, 1) lies from the random number: expected is 0. */
function samplerCase(vocab: number, kind: string, sampling: Sampling): Case {
  const name = `${kind} logits of ${vocab} tokens, temperature ${sampling.temperature}, top-k ${sampling.topK}`;
  return {
    name,
    run: (bench) =>
      withStage(bench, { config: { vocab }, choice: decodeChoice({}), tokens: 1, position: 41 }, async (stage): Promise<Outcome> => {
        const { device } = bench.gpu;
        const { activations, sequence } = stage;
        const logits = kinds[kind](vocab, random(name));
        const samplerFor = createSamplers(
          device,
          stage.ledger,
          bench.kernels,
          vocab,
          createSamplerScratch(stage.ledger, vocab, activations.buffers.logits),
        );
        for (let seed = 1; seed <= seeds; seed++) {
          stage.write('logits', logits, vocab); // stages change them
          device.queue.writeBuffer(sequence.state.buffer, 0, Uint32Array.of(40, seed, 0, 0)); // the next position is 40 + seed
          const sampler = await compiled(samplerFor, { ...sampling, seed });
          sampler.start(sequence);
          await stage.run(sampler.program);
        }
        const ids = new Uint32Array(await stage.readBytes(sequence.ids.buffer, 4 * (41 + seeds))).subarray(41);
        const [position, rows] = new Uint32Array(await stage.readBytes(sequence.state.buffer, 8));
        if (position !== 40 + seeds || rows !== 1)
          throw new WrongResult(`The state has position ${position} and ${rows} rows; it should have ${40 + seeds} and 1.`);
        const found = Array.from(ids, (id, i) => distance(logits, sampling, id, i + 1));
        return { found, expected: found.map(() => 0) };
      }),
  };
}

/** Between the random number of a seed and the interval of the token `id`; Infinity if that is no candidate. */
function distance(logits: Float32Array, sampling: Sampling, id: number, seed: number): number {
  if (sampling.temperature === 0) return id === greedy(logits) ? 0 : Infinity;
  const { ids, probabilities } = candidates(logits, sampling, excludesAt(sampling, seed, 40 + seed));
  const at = ids.indexOf(id);
  if (at < 0) return Infinity;
  const start = probabilities.slice(0, at).reduce((a, b) => a + b, 0);
  const u = uniform(seed, 40 + seed);
  return Math.max(0, start - u, u - start - probabilities[at]);
}

export const samplerChecks = (vocabs = [1, 2, 255, 257, 2048, 2049, 5003]): Check[] =>
  settings.map((sampling) => ({
    name:
      sampling.temperature === 0
        ? 'argmax'
        : `sampler, temperature ${sampling.temperature}, top-k ${sampling.topK}, typical-p ${sampling.typicalP ?? 1}, top-p ${sampling.topP}, ` +
          `min-p ${sampling.minP}${sampling.xtcProbability ? `, XTC ${sampling.xtcProbability} ${sampling.xtcThreshold}` : ''}`,
    tolerance: 1e-5,
    choice: {}, // of probability
    cases: vocabs.flatMap((vocab) => Object.keys(kinds).map((kind) => samplerCase(vocab, kind, sampling))),
  }));
