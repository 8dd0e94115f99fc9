// What it would be worth to fetch the next layer's experts while a layer runs: those that the next router chooses of what this layer has by
// then (as in Eliseev and Mazur, arXiv 2312.17238), on the trained mixture. Numbers for the decision; docs/decisions/experts-on-demand.md.
import { expect, it } from 'vitest';
import { fixture, jsonFixture } from '../../../../test/models/fixture.ts';
import { forward } from '../../../../test/models/forward.ts';
import { record } from '../../../../test/verified.ts';
import { isExperts } from '../../../model/parameters.ts';
import { isProject } from '../../../model/ops/project.ts';
import { project } from '../../../reference/project.ts';
import { route } from '../../../reference/rare/route.ts';
import { usualPolicy } from './residence/policies.ts';
import { createSlots } from './slots.ts';

const [layers, experts, used, dim] = [4, 8, 2, 128];

/** For each token and layer, best first: what is chosen, and what the next router says of the residual stream before this layer's experts run. */
async function routed(): Promise<{ chosen: number[][][]; ahead: number[][][] }> {
  const { prompt_tokens: prompt, greedy100 } = jsonFixture<{ prompt_tokens: number[]; greedy100: number[] }>('sparse/stories-smallthinker.json');
  const matrices: Float32Array[] = [];
  const logits: Float32Array[] = [];
  const before: Float32Array[] = []; // (tokens, dim) of each layer, before its experts
  await forward(fixture('sparse/stories-smallthinker.q8_0.gguf'), [...prompt, ...greedy100], undefined, (op, rows, floats) => {
    if (isProject(op) && op.output === 'router') matrices.push(floats(op.matrices[0].tensor));
    if (op.op === 'route') logits.push(rows.router.slice());
    if (isExperts(op)) before.push(rows.x.slice());
  });
  const chosenOf = (scores: Float32Array, most: number) =>
    route(scores, { experts, used: most, scores: 'sigmoid', normalise: true, scale: 1 }).map((choices) => choices.map(({ expert }) => expert));
  const product = (x: Float32Array, weights: Float32Array) => project({ weights, rows: experts, cols: dim, x });
  return {
    chosen: logits.map((scores) => chosenOf(scores, used)),
    ahead: before.slice(0, -1).map((x, layer) => chosenOf(product(x, matrices[layer + 1]), experts)),
  };
}

/** Plays all through with `slots`, fetching up to `most` of what the next router says; counts after a quarter. */
function play(chosen: number[][][], ahead: number[][][], slots: number, most: number) {
  const residence = usualPolicy(layers).create(slots);
  const held = createSlots(slots, residence);
  const counts = { tokens: 0, fetched: 0, waited: 0, stalls: 0 };
  let time = 0;
  const tokens = chosen[0].length;
  const bring = (ids: number[]) => {
    const { bring: missing } = held.next(ids);
    for (const { id, slot } of missing) held.brought(id, slot);
    return missing.length;
  };
  for (let t = 0; t < tokens; t++) {
    const counted = t >= tokens / 4 ? 1 : 0;
    counts.tokens += counted;
    for (let layer = 0; layer < layers; layer++) {
      const ids = chosen[layer][t].map((expert) => layer * experts + expert);
      for (const id of ids) residence.use(id, time);
      time++;
      const waited = bring(ids);
      counts.waited += counted * waited;
      counts.stalls += counted * Math.sign(waited);
      counts.fetched += counted * waited;
      if (layer + 1 < layers && most > 0) // what this layer uses stays while it runs
        counts.fetched += counted * bring([...ids, ...ahead[layer][t].slice(0, most).map((expert) => (layer + 1) * experts + expert)]);
    }
  }
  return { fetched: counts.fetched / counts.tokens, waited: counts.waited / counts.tokens, stalls: counts.stalls / counts.tokens };
}

it('the next router knows most of the next choice, and that halves what is waited for, with more bytes', async () => {
  const { chosen, ahead } = await routed();
  const recorded = fixture('sparse/stories-smallthinker.experts.u8'); // (105 tokens, 4 layers, 2)
  chosen.forEach((tokens, layer) => tokens.forEach((ids, t) => expect(ids).toEqual([0, 1].map((k) => recorded[(t * layers + layer) * used + k]))));
  const recall = (most: number) => {
    const found = ahead.flatMap((tokens, layer) => tokens.map((ids, t) => chosen[layer + 1][t].filter((id) => ids.slice(0, most).includes(id)).length));
    return found.reduce((a, b) => a + b, 0) / (used * found.length);
  };
  const lines = [8, 16, 22].flatMap((slots) => [0, 1, 2, 3].map((most) => {
    const { fetched, waited, stalls } = play(chosen, ahead, slots, most);
    return `${slots} slots, ${most} ahead: ${fetched.toFixed(2)} fetched, ${waited.toFixed(2)} waited for, ${stalls.toFixed(2)} stalls`;
  }));
  const of = (slots: number, most: number) => play(chosen, ahead, slots, most);
  record({
    point: 'experts of the next layer fetched ahead: share known by 1, 2, 3, 4 of the next router; of a token',
    command: 'npx vitest run --project unit src/weights/stream/items/lookahead.test.ts',
    value: `${[1, 2, 3, 4].map((most) => `${(100 * recall(most)).toFixed(0)} %`).join(', ')}; ${lines.join('; ')}`,
  });
  expect(recall(used)).toBeGreaterThan(2 * (used / experts)); // chance finds a quarter
  expect(of(16, 2).waited).toBeLessThan(of(16, 0).waited);
  expect(of(16, 2).fetched).toBeGreaterThan(of(16, 0).fetched);
});
