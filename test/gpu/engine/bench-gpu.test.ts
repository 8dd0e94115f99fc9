// The benchmark's report on Dawn: what it says of the plan, what a prompt costs, and shares that cannot be.
import { beforeAll, describe, expect, it } from 'vitest';
import { promptCost } from '../../../src/bench/contexts.ts';
import { countCalls } from '../../../src/bench/count-calls.ts';
import { runBench } from '../../../src/bench/run-bench.ts';
import { reportText } from '../../../src/bench/report-text.ts';
import { nameOf } from '../../../src/bench/kernels.ts';
import { verifyRows } from '../../../src/bench/rows.ts';
import { type EngineOptions } from '../../../src/engine/engine.ts';
import { type Binding, type Dispatch, type Program, type Step, runsIn } from '../../../src/gpu/program.ts';
import { joinsSplits } from '../../../src/model/ops/project.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { bytesOf, openEngine, quick, stories } from '../../engine.ts';
import { compiled } from '../../../src/model/sampling/sampler.ts';
import { isFull } from '../../verified.ts';

const engine = openEngine();
const host = { name: 'a test' };
const run = (options: EngineOptions) =>
  runBench(
    engine,
    (more) => engine.load(stories(), { ...quick, context: 128, ...options, ...more }),
    { promptTokens: 24, newTokens: 4, quick: true },
    { ...host, calls: countCalls() },
  );

describe.skipIf(!adapterFile)('the report of a benchmark', () => {
  beforeAll(() => void dawn());

  it('says whether the model fits, and else what is streamed per token', { timeout: 60_000 }, async () => {
    const fits = await run({});
    expect(fits.plan).toMatchObject({ verdict: 'fits', streamedBytes: 0, embedding: 'gpu' });
    expect(reportText(fits)).toMatch(/^plan {6}fits: [\d.]+ MiB of a budget of [\d.]+, nothing is streamed$/m);
    const budgetBytes = Math.round(0.4 * fits.plan.totalBytes);
    const streams = await run({ budgetBytes, kernels: `${quick.kernels},joined=1` });
    expect(engine.loaded().model.choice.joined, 'where weights are streamed').toBe(0);
    const { plan } = streams;
    expect(plan).toMatchObject({ verdict: 'streams', budgetBytes });
    expect(plan.streamedBytes).toBeGreaterThan(0);
    expect(plan.streamedBytes).toBe(engine.stats().streamedBytes);
    expect(reportText(streams)).toMatch(/^plan {6}STREAMS: .* MiB go there again for every token.* give a larger budget$/m);
    expect(streams.tokens).toEqual(fits.tokens);

    // A share of the peak that cannot be is marked, in the numbers too.
    expect(reportText({ ...fits, prefill: { ...fits.prefill, ofFma: 0.5 }, doubtful: [] })).not.toMatch(/DOUBTFUL|50\.0 %!/);
    const doubtful = reportText({ ...fits, prefill: { ...fits.prefill, ofFma: 1.081 }, doubtful: ['prefill, of multiply-adds'] });
    expect(doubtful).toContain('(108.1 %! of multiply-adds)');
    expect(doubtful).toMatch(/^DOUBTFUL .*prefill, of multiply-adds/m);
  });

  const products = (): { program: Program; index: number; dispatch: Dispatch; step: Step }[] => {
    const { programs, heads } = engine.loaded().model;
    const of = (stages: { program: Program }[], step: Step) =>
      stages
        .flatMap(({ program }) => program.dispatches.map((dispatch, index) => ({ program, index, dispatch, step })))
        .filter(({ dispatch }) => (dispatch.kind ?? joinsSplits(dispatch)) && /^(layer\.0|head)\./.test(dispatch.label) && runsIn(dispatch, step));
    return [
      ...of([...programs.decode, ...heads.last], { rows: 1, length: 9 }),
      ...of(programs.decode, { rows: 1, length: 132 }).filter(({ dispatch }) => joinsSplits(dispatch)), // several splits, of a window too
      ...of(programs.prefill, { rows: 20, length: 25 }),
      ...of(programs.prefill, { rows: 3, length: 9 }),
    ];
  };

  /** `joined`: the names of products that join splits. */
  const some: [path: string, kernels: string, f32: boolean, joined: string[]][] = [[
    'tiny/tiny-llama-k.gguf', 'splits=4,prefill=tile,few=4,reduce=workgroup,span=64,threads=32,turned=1,joined=1', true, ['Q5_K 256x256 add x joining splits'],
  ]];
  const others: typeof some = [
    ['stories260K/stories260K.gguf', 'splits=1,prefill=rows,few=0,reduce=workgroup', true, []],
    ['tiny/tiny-qwen2.gguf', 'splits=1,prefill=rows,few=0,reduce=workgroup', true, []],
    [
      'tiny/tiny-gemma3.gguf', 'splits=1,dot=i8,prefill=tile,few=0,reduce=workgroup,span=64,threads=32,turned=1,joined=1', false,
      ['Q8_0 256x128 branch joining splits of 8'],
    ],
  ];

  const files = [...some, ...(isFull ? others : [])];

  it.each(files)('compares rows of every product with plain loops on the weights of the file: %s', { timeout: 60_000 }, async (path, kernels, f32, joined) => {
    await engine.load(bytesOf(path), { f32, kernels, context: 192 });
    const { model } = engine.loaded();
    const joining = products().filter(({ dispatch }) => joinsSplits(dispatch)).map(nameOf);
    expect(joining).toEqual(joined);
    for (const { step, ...recorded } of products()) expect(await verifyRows(model, recorded, step), recorded.dispatch.label).toBeGreaterThan(1);
    // A weight that is wrong on the GPU.
    const { step, ...recorded } = products().at(0)!;
    const { buffer, offset = 0, size = buffer.size } = recorded.dispatch.bindings.weights as Binding;
    model.gpu.device.queue.writeBuffer(buffer, offset, new Uint8Array(size).fill(0x11));
    await expect(verifyRows(model, recorded, step)).rejects.toThrow(/at full size, where plain loops on the model's weights give/);
  });

  it('counts of a prompt its products, attention, and the output matrix for the last position alone', async () => {
    await engine.load(stories(), { ...quick, context: 256, kernels: 'splits=1,prefill=rows,few=0,reduce=workgroup,chunk=64' });
    const { model } = engine.loaded();
    const greedy = await compiled(model.samplerFor, { seed: 0 });
    const { dim, ffn, heads, kvHeads, headDim, vocab } = model.graph.config;
    const layers = model.graph.layers.length;
    const padded = (width: number) => 32 * Math.ceil(width / 32);
    for (const length of [1, 24, 65, 200]) { // 65 has a step of one token
      const layer = padded(dim) * (heads + 2 * kvHeads) * headDim + padded(heads * headDim) * dim + 2 * padded(dim) * ffn + padded(ffn) * dim;
      const attention = 4 * heads * headDim * ((length * (length + 1)) / 2);
      const expected = layers * (2 * length * layer + attention) + 2 * padded(dim) * vocab;
      const { flops } = promptCost(model, greedy, length);
      expect(flops / expected, `${length} tokens`).toBeGreaterThan(1);
      expect(flops / expected, `${length} tokens`).toBeLessThan(1.05); // norms, rope and gates
    }
  });
});
