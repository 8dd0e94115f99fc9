// What it would be worth to fetch single neurons of gated experts (SmallThinker: the row of up and the column of down, where the gate is not
// zero, with the gates' rows on the GPU) in place of whole experts, by the recorded neurons of the trained mixture. Numbers for the decision;
// docs/decisions/neurons-on-demand.md.
import { expect, it } from 'vitest';
import { activeNeurons } from '../../../../test/models/neurons.ts';
import { fixture } from '../../../../test/models/fixture.ts';
import { record } from '../../../../test/verified.ts';
import { guessedCost, readBytesFor, readSeconds } from '../cost-model.ts';
import { neuronPolicy, usualPolicy } from './residence/policies.ts';
import { type Policy } from './residence/residence.ts';
import { type Trace, play } from './simulate.ts';

const [layers, experts, hidden, promptTokens] = [4, 8, 128, 5];
/** Of SmallThinker-4B-A0.6B in Q4_0: three matrices of 768 x 2560. */
const expertBytes = (3 * 768 * 2560 * 18) / 32;
/** Of its neurons as many as one of the recorded ones stands for. */
const neuronBytes = (2 * expertBytes) / 3 / hidden;

const neuronTrace = activeNeurons('sparse/stories-smallthinker', layers, experts * hidden);
const chosen = fixture('sparse/stories-smallthinker.experts.u8'); // (tokens, layers, 2)
const expertTrace: Trace = neuronTrace.map((_, row) => [0, 1].map((k) => experts * (row % layers) + chosen[2 * row + k]));
const tokens = neuronTrace.length / layers - promptTokens;

/** Of each step of the answer the items that are not there. */
function missed(trace: Trace, slots: number, policy: Policy): number[][] {
  const missing: number[][] = [];
  play(trace, slots, policy, (ids, isThere) => missing.push(ids.filter((id) => !isThere(id))));
  return missing.slice(promptTokens * layers);
}

/** Bytes of each read: those of an expert's neurons that lie near to each other are one. */
const readsOf = (ids: readonly number[]): number[] => {
  const reads: { first: number; last: number }[] = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const read = reads.at(-1);
    const isSame = read && Math.floor(read.last / hidden) === Math.floor(id / hidden);
    if (isSame && (id - read.last - 1) * neuronBytes < readBytesFor(guessedCost)) read.last = id;
    else reads.push({ first: id, last: id });
  }
  return reads.map(({ first, last }) => (last - first + 1) * neuronBytes);
};

it('neurons of experts are fewer bytes than experts, and as long to read from storage', () => {
  const lines: string[] = [];
  for (const slots of [16, 22]) {
    const wanted = missed(expertTrace, slots, usualPolicy(layers)).flat().length / tokens;
    // The same bytes on the GPU, without those of all gates.
    const neuronSlots = Math.floor(((slots - (experts * layers) / 3) * expertBytes) / neuronBytes);
    const lacking = missed(neuronTrace, neuronSlots, neuronPolicy(layers));
    const reads = lacking.flatMap(readsOf);
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0) / tokens;
    const [asExperts, asNeurons] = [wanted * expertBytes, (lacking.flat().length / tokens) * neuronBytes];
    const seconds = [wanted * readSeconds(guessedCost, expertBytes), sum(reads.map((bytes) => readSeconds(guessedCost, bytes)))];
    const told = (bytes: number, time: number) => `${(bytes / 1e6).toFixed(2)} MB, ${(1000 * time).toFixed(1)} ms`;
    lines.push(
      `${slots} of 32 experts: ${wanted.toFixed(2)} fetched, ${told(asExperts, seconds[0])}; ${neuronSlots} of 4096 neurons: ` +
      `${(lacking.flat().length / tokens).toFixed(1)} fetched, ${(asNeurons / 1e6).toFixed(2)} MB, in ${(reads.length / tokens).toFixed(1)} reads of ` +
      told(sum(reads), seconds[1]));
    expect(asNeurons).toBeLessThan(asExperts);
    expect(seconds[1]).toBeGreaterThan(seconds[0] / 2);
  }
  record({
    point: 'neurons of gated experts (trained mixture, with the sizes of SmallThinker-4B) in place of experts, a token, by the guessed cost of reads',
    command: 'npx vitest run --project unit src/weights/stream/items/gated-neurons.test.ts', adapter: 'none', value: lines.join('; '),
  });
});
