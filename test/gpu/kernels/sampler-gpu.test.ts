import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernelSource } from '../../../src/gpu/kernels.ts';
import { mostVocab, samplerBytes, samplingSlices } from '../../../src/model/sampling/buffers.ts';
import { samplingFields } from '../../../src/model/sampling/sampler.ts';
import { packSampling, samplingBytes } from '../../../src/model/sampling/uniform.ts';
import { candidates, draw, excludesAt, greedy, noToken, uniform, type Sampling } from '../../../src/reference/sampling/sampler.ts';
import { adapterFile, openDevice } from '../../dawn.ts';
import { isFull, record } from '../../verified.ts';
import { mulberry32 } from '../../../src/random.ts';

const combinations: Sampling[] = [
  { temperature: 1, topK: 0, topP: 1, minP: 0 },
  { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05 },
  { temperature: 1, topK: 0, topP: 0.9, minP: 0 },
  { temperature: 0.8, topK: 0, topP: 1, minP: 0.1 },
  { temperature: 2, topK: 1, topP: 1, minP: 0 },
  { temperature: 1.5, topK: 7, topP: 0.5, minP: 0 },
  { temperature: 0.3, topK: 300, topP: 0.999, minP: 0.001 },
  { temperature: 50, topK: 1000000, topP: 0.3, minP: 0.02 },
  { temperature: 0.01, topK: 0, topP: 0, minP: 1 },
];

type Random = () => number;

const normal = (next: Random): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

const kinds: Record<string, (vocab: number, next: Random) => Float32Array> = {
  normal: (vocab, next) => Float32Array.from({ length: vocab }, () => 3 * normal(next)),
  peaked: (vocab, next) => Float32Array.from({ length: vocab }, () => (next() < 4 / vocab ? 15 : 0) + normal(next)),
  flat: (vocab, next) => Float32Array.from({ length: vocab }, () => 1e-3 * normal(next)),
  spread: (vocab, next) => Float32Array.from({ length: vocab }, () => 1000 * normal(next)),
  ties: (vocab, next) => Float32Array.from({ length: vocab }, () => Math.round(2 * normal(next)) / 2),
  zeros: (vocab, next) => Float32Array.from({ length: vocab }, () => (next() < 0.5 ? 0 : -0)),
  masked: (vocab, next) => Float32Array.from({ length: vocab }, () => (next() < 0.9 ? -Infinity : next() < 0.05 ? NaN : 4 * normal(next))),
  equal: (vocab, next) => new Float32Array(vocab).fill(normal(next)),
  single: (vocab, next) =>
    new Float32Array(vocab)
      .fill(-Infinity)
      .fill(normal(next), Math.floor(next() * vocab))
      .fill(-Infinity, 1 + Math.floor(next() * vocab)),
  extreme: (vocab, next) =>
    Float32Array.from({ length: vocab }, () => [3.4028234663852886e38, -3.4028234663852886e38, 1e-45, 0, -Infinity, Infinity][Math.floor(next() * 6)]),
};

/** All buffers of the sampler, for one vocabulary at most `capacity`; ids has room for `steps`. `inputs`: of each kernel. */
function buffersOf(device: GPUDevice, capacity: number, steps: number) {
  const buffer = (size: number, usage = 0) =>
    device.createBuffer({ size, usage: usage | GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC });
  const bytes = samplerBytes(capacity);
  const logits = buffer(4 * capacity);
  const best = buffer(bytes.best);
  const scratch = buffer(bytes.scratch);
  const narrowed = buffer(bytes.narrowed);
  const state = buffer(32);
  const ids = buffer(4 * (steps + 64));
  const probabilities = buffer(4 * capacity);
  const uniforms = device.createBuffer({ size: 256 * steps, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  const inputs: Record<string, GPUBuffer[]> = {
    argmax: [logits, best],
    'argmax-finish': [best, state, ids],
    'sample-histogram': [logits, best, scratch],
    'sample-narrow': [logits, scratch, narrowed],
    sample: [narrowed, scratch, state, ids],
    'sample-probabilities': [logits, scratch, probabilities],
  };
  return { logits, state, ids, probabilities, uniforms, inputs };
}

/** For one vocabulary at most `capacity`, and runs of at most `steps`. */
function openSampler(device: GPUDevice, capacity: number, steps: number) {
  const { logits, state, ids, probabilities, uniforms, inputs } = buffersOf(device, capacity, steps);
  const pipeline = (name: string) => {
    const module = device.createShaderModule({ label: name, code: kernelSource({ kernel: name, files: ['state', 'sampling', 'sampling-bins'] }) });
    return device.createComputePipeline({ label: name, layout: 'auto', compute: { module } });
  };
  const pipelines = Object.fromEntries(Object.keys(inputs).map((name) => [name, pipeline(name)]));
  const groups = new Map<string, GPUBindGroup>();
  const group = (name: string, step: number) => {
    const key = `${name} ${step}`;
    if (!groups.has(key)) {
      const entries = [
        { binding: 0, resource: { buffer: uniforms, offset: 256 * step, size: samplingBytes } },
        ...inputs[name].map((each, i) => ({ binding: i + 2, resource: { buffer: each } })),
      ];
      groups.set(key, device.createBindGroup({ layout: pipelines[name].getBindGroupLayout(0), entries }));
    }
    return groups.get(key)!;
  };

  /** Runs one step per entry of `samplings` ('greedy' too) from `position` with `rows`; the tokens chosen and, if asked, the probabilities of each step. */
  return async (row: Float32Array, samplings: (Sampling | 'greedy')[], seeds: number[], { position = 3, rows = 2, probable = false } = {}) => {
    const vocab = row.length;
    device.queue.writeBuffer(logits, 0, row as Float32Array<ArrayBuffer>);
    device.queue.writeBuffer(state, 0, new Uint32Array([position, rows, 0, 0, 0, 0, 0, 0]));
    const parameters = new Uint8Array(256 * samplings.length);
    samplings.forEach((sampling, i) =>
      parameters.set(packSampling({ ...samplingFields({ ...(sampling === 'greedy' ? {} : sampling), seed: seeds[i] }), vocab }), 256 * i),
    );
    device.queue.writeBuffer(uniforms, 0, parameters);
    const chosenBytes = 4 * samplings.length;
    const copy = device.createBuffer({
      size: 16 + chosenBytes + (probable ? chosenBytes * vocab : 0),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    samplings.forEach((sampling, i) => {
      const pass = encoder.beginComputePass();
      const run = (name: string, workgroups: number) => {
        pass.setPipeline(pipelines[name]);
        pass.setBindGroup(0, group(name, i));
        pass.dispatchWorkgroups(workgroups);
      };
      const slices = samplingSlices(vocab);
      run('argmax', slices);
      if (sampling === 'greedy') run('argmax-finish', 1);
      else {
        run('sample-histogram', slices);
        run('sample-narrow', slices);
        run('sample', 1);
        if (probable) run('sample-probabilities', 1);
      }
      pass.end();
      encoder.clearBuffer(state, 8, 4); // `ended`, set where there is no token
      if (probable) encoder.copyBufferToBuffer(probabilities, 0, copy, 16 + chosenBytes + 4 * vocab * i, 4 * vocab);
    });
    encoder.copyBufferToBuffer(state, 0, copy, 0, 16);
    encoder.copyBufferToBuffer(ids, 4 * (position + rows), copy, 16, chosenBytes);
    device.queue.submit([encoder.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    const mapped = copy.getMappedRange().slice(0);
    copy.destroy();
    expect([...new Uint32Array(mapped, 0, 2)]).toEqual([position + rows + samplings.length - 1, 1]);
    return {
      chosen: [...new Uint32Array(mapped, 16, samplings.length)],
      probabilities: (step: number) => new Float32Array(mapped, 16 + chosenBytes + 4 * vocab * step, vocab),
    };
  };
}

/** The share of probability, among the top k, of the tokens before `id` in the order of tokens, and of `id` against the first. */
function standing(logits: Float32Array, { topK }: Sampling, id: number): { before: number; ofFirst: number } {
  const before = (a: number, b: number) => (logits[a] === logits[b] ? a < b : logits[a] > logits[b]);
  const order = Array.from(logits.keys()).filter((i) => Number.isFinite(logits[i])).sort((a, b) => (before(a, b) ? -1 : 1)).slice(0, topK || undefined);
  const masses = order.map((i) => Math.exp(logits[i] - logits[order[0]]));
  const sum = (terms: number[]) => terms.reduce((a, b) => a + b, 0);
  return { before: sum(masses.slice(0, order.indexOf(id))) / sum(masses), ofFirst: Math.exp(logits[id] - logits[order[0]]) };
}

let worst = 0; // error of a probability so far

/** What is wrong with the candidates and the token of one step; undefined if nothing is. */
function fault(logits: Float32Array, sampling: Sampling, seed: number, position: number, found: Float32Array, token: number): string | undefined {
  const expected = candidates(logits, sampling, excludesAt(sampling, seed, position));
  if (expected.ids[0] === noToken) return found.every((p) => p === -1) && token === noToken ? undefined : `token ${token} was drawn where there is none`;
  const wanted = new Set(expected.ids);
  const ids: number[] = [];
  found.forEach((p, i) => p >= 0 && ids.push(i));
  // A token may be on the other side of a filter only where rounding decides: its running share is p, or its own share min-p.
  const got = new Set(ids);
  const different = [...ids.filter((id) => !wanted.has(id)), ...expected.ids.filter((id) => !got.has(id))];
  for (const id of different) {
    const { before, ofFirst } = standing(logits, sampling, id);
    const decided = (sampling.topP < 1 && Math.abs(before - sampling.topP) < 1e-6) || (sampling.minP > 0 && Math.abs(ofFirst - sampling.minP) < 1e-6);
    if (!decided)
      return `token ${id} ${wanted.has(id) ? 'is missing' : 'is too many'} of ${expected.ids.length} (${before} before it, ${ofFirst} of the first)`;
  }
  if (different.length > 0) {
    const highest = Math.max(...ids.map((id) => logits[id]));
    const masses = ids.map((id) => Math.exp((logits[id] - highest) / sampling.temperature));
    const total = masses.reduce((a, b) => a + b, 0);
    Object.assign(expected, { ids, probabilities: masses.map((mass) => mass / total) });
  }
  ids.forEach((id, i) => (worst = Math.max(worst, Math.abs(found[id] - expected.probabilities[i]))));
  const off = ids.findIndex((id, i) => !(Math.abs(found[id] - expected.probabilities[i]) <= 1e-5));
  if (off >= 0) return `token ${ids[off]} has probability ${found[ids[off]]}, not ${expected.probabilities[off]}`;
  if (token !== draw(expected, seed, position)) {
    const u = uniform(seed, position);
    let reached = 0;
    const near = expected.probabilities.some((p) => Math.abs((reached += p) - u) < 1e-6);
    if (!near || !(found[token] > 0)) return `token ${token} was drawn, not ${draw(expected, seed, position)}`;
  }
  return undefined;
}

describe.skipIf(adapterFile === undefined)('the sampler on the GPU', () => {
  let device: GPUDevice;
  let sample: ReturnType<typeof openSampler>;
  const problems: string[] = [];
  beforeAll(async () => {
    device = await openDevice();
    device.onuncapturederror = ({ error }) => problems.push(error.message);
    sample = openSampler(device, mostVocab, 256);
  });
  afterAll(() => device?.destroy());

  const sizes = [1, 2, 255, 256, 257, 512, 1000, 2047, 2049];
  const vectors = [
    ...Array.from({ length: 990 }, (_, i) => ({ vocab: sizes[i % sizes.length], kind: Object.keys(kinds)[i % 10], seed: i })),
    ...['normal', 'peaked', 'flat', 'ties', 'spread'].map((kind, i) => ({ vocab: 49152, kind, seed: 990 + i })),
    ...[4097, 32003, 50257, 100352].map((vocab, i) => ({ vocab, kind: 'normal', seed: 995 + i })),
    { vocab: 262208, kind: 'normal', seed: 999 }, // Gemma 3
  ];

  it('has the candidates, probabilities and tokens of the reference on vectors of logits', { timeout: 900_000 }, async () => {
    expect(vectors.length).toBe(1000);
    const taken = isFull ? vectors : vectors.filter((_, i) => i % 4 === 0 || i > 994);
    const faults: string[] = [];
    for (const { vocab, kind, seed } of taken) {
      const next = mulberry32(seed);
      const logits = kinds[kind](vocab, next);
      // Every vector meets some combinations, every combination meets every kind and size.
      const used = vocab > 2049 ? combinations.slice(0, 4) : combinations.filter((_, i) => (i + seed) % 3 === 0 || i === 1);
      const seeds = used.map(() => Math.floor(next() * 2 ** 32));
      const result = await sample(logits, used, seeds, { probable: true });
      used.forEach((sampling, i) => {
        const problem = fault(logits, sampling, seeds[i], 5 + i, result.probabilities(i), result.chosen[i]);
        if (problem) faults.push(`${kind} ${vocab} (seed ${seed}) ${JSON.stringify(sampling)}: ${problem}`);
      });
    }
    expect(faults).toEqual([]);
    expect(problems).toEqual([]);
    record({
      point: `Sampler on ${taken.length} vectors of logits: largest error of a probability (limit 1e-5)`,
      command: 'npx vitest run --project gpu test/gpu/kernels/sampler-gpu.test.ts',
      value: worst,
    });
  });

  it('leaves out the most likely tokens as the reference does, as often', { timeout: 120_000 }, async () => {
    const xtc: Sampling[] = [
      { temperature: 1, topK: 0, topP: 1, minP: 0, xtcProbability: 1, xtcThreshold: 0.1 },
      { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.02, xtcProbability: 1, xtcThreshold: 0.03 },
      { temperature: 0.01, topK: 0, topP: 1, minP: 0, xtcProbability: 0.5, xtcThreshold: 0.05 },
      { temperature: 1, topK: 0, topP: 1, minP: 0, xtcProbability: 0.5, xtcThreshold: 0 },
    ];
    const faults: string[] = [];
    let excluded = 0;
    for (const { vocab, kind, seed } of vectors.slice(0, 90)) {
      const next = mulberry32(seed);
      const logits = kinds[kind](vocab, next);
      const seeds = xtc.map(() => Math.floor(next() * 2 ** 32));
      const result = await sample(logits, xtc, seeds, { probable: true });
      xtc.forEach((sampling, i) => {
        const problem = fault(logits, sampling, seeds[i], 5 + i, result.probabilities(i), result.chosen[i]);
        if (problem) faults.push(`${kind} ${vocab} (seed ${seed}) ${JSON.stringify(sampling)}: ${problem}`);
        if (candidates(logits, sampling, true).ids.length < candidates(logits, sampling).ids.length) excluded++;
      });
    }
    expect(faults).toEqual([]);
    expect(excluded).toBeGreaterThan(90); // of 360
    expect(problems).toEqual([]);
  });

  it('sums up the largest vocabulary, all of whose tokens are as likely as can be', { timeout: 60_000 }, async () => {
    const logits = new Float32Array(mostVocab).fill(3);
    const all = { temperature: 1, topK: 0, topP: 1, minP: 0 };
    const seeds = [1, 2, 3, 4];
    const { chosen, probabilities } = await sample(logits, ['greedy', ...seeds.map(() => all)], [0, ...seeds], { probable: true });
    expect(chosen[0]).toBe(0);
    expect([probabilities(1)[0], probabilities(1)[mostVocab - 1]].map((p) => p * mostVocab)).toEqual([expect.closeTo(1, 6), expect.closeTo(1, 6)]);
    seeds.forEach((seed, i) => expect(chosen[i + 1]).toBe(Math.floor(uniform(seed, 6 + i) * mostVocab)));
    expect(problems).toEqual([]);
  });

  it('takes the lowest index of the highest logit in a greedy step, and so does temperature 0', { timeout: 60_000 }, async () => {
    const awkward = [
      [-Infinity, NaN, -1], [NaN, 1, 2], [-0, 0], [0, -0], [Infinity, -5, NaN],
      [-3.4028234663852886e38, -Infinity], [3.4028234663852886e38, Infinity], [-1e-45, 0, 1e-45, 1e-45], [1, 2, 2, 1],
    ].map((row) => Float32Array.from(row));
    const rows = [...awkward, ...vectors.filter((_, i) => i % 20 === 0 || i > 990).map(({ kind, vocab, seed }) => kinds[kind](vocab, mulberry32(seed)))];
    for (const row of rows) {
      const { chosen } = await sample(row, ['greedy', { temperature: 0, topK: 0, topP: 1, minP: 0 }], [1, 2]);
      expect(chosen, `${row.length} logits: ${row.slice(0, 4)}`).toEqual([greedy(row), greedy(row)]);
    }
    expect(problems).toEqual([]);
  });

  it('chooses no token where no logit is finite, greedily or by drawing', async () => {
    const none = [
      [NaN],
      [NaN, NaN],
      [-Infinity],
      [-Infinity, -Infinity],
      [NaN, -Infinity],
      [Infinity, NaN, Infinity],
      Array<number>(5003).fill(NaN),
      Array<number>(5003).fill(-Infinity),
    ];
    for (const row of none) {
      const { chosen } = await sample(Float32Array.from(row), ['greedy', ...combinations], [0, ...combinations.keys()]);
      expect(new Set(chosen), `${row.length} logits: ${row.slice(0, 4)}`).toEqual(new Set([noToken]));
    }
    // A single NaN is passed over, wherever it is.
    for (const at of [0, 2047, 5002]) {
      const { chosen } = await sample(kinds.normal(5003, mulberry32(at)).fill(NaN, at, at + 1), ['greedy', ...combinations], [0, ...combinations.keys()]);
      expect(chosen.filter((id) => id === at || id >= 5003)).toEqual([]);
    }
  });

  it('stops at the token that reaches top-p exactly', async () => {
    const equal = new Float32Array(8).fill(2.5); // shares of 1/8 and p of 1/4 are exact: rounding is no excuse
    const { probabilities } = await sample(equal, [{ temperature: 1, topK: 0, topP: 0.25, minP: 0 }], [1], { probable: true });
    expect([...probabilities(0)]).toEqual([0.5, 0.5, -1, -1, -1, -1, -1, -1]);
  });

  it('gives the same tokens and the same bits of probability for the same seeds', { timeout: 60_000 }, async () => {
    const logits = kinds.normal(49152, mulberry32(7));
    const used = combinations.slice(0, 4);
    const results: Awaited<ReturnType<typeof sample>>[] = [];
    for (let i = 0; i < 4; i++) results.push(await sample(logits, used, [5, 6, 7, 8], { probable: true }));
    for (const again of results.slice(1)) {
      expect(again.chosen).toEqual(results[0].chosen);
      used.forEach((_, i) => expect(again.probabilities(i)).toEqual(results[0].probabilities(i)));
    }
  });

  it('draws tokens as often as they are likely', { timeout: 60_000 }, async () => {
    const logits = Float32Array.from([0, 1, -1, 2, 0.5, -Infinity, 1.5, -3]);
    const sampling = { temperature: 1.3, topK: 0, topP: 1, minP: 0 };
    const expected = candidates(logits, sampling);
    const counts = new Array<number>(8).fill(0);
    const draws = 1536;
    for (let first = 0; first < draws; first += 256) {
      const seeds = Array.from({ length: 256 }, (_, i) => first + i);
      const { chosen } = await sample(logits, seeds.map(() => sampling), seeds);
      for (const token of chosen) counts[token]++;
    }
    expect(counts[5]).toBe(0);
    const chiSquare = expected.ids.reduce((sum, id, i) => sum + (counts[id] - draws * expected.probabilities[i]) ** 2 / (draws * expected.probabilities[i]), 0);
    record({
      point: 'Chi-square of 1536 drawn tokens against their probabilities, 6 degrees of freedom (limit 22.5)',
      command: 'npx vitest run --project gpu test/gpu/kernels/sampler-gpu.test.ts -t "as often as"',
      value: chiSquare,
    });
    expect(chiSquare).toBeLessThan(22.5); // 6 degrees of freedom: one in a thousand; the seeds are fixed
  });
});
