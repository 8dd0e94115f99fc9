// Two ways to the same numbers, each timed in turn: scans by blocks and row after row, feed-forward back by the columns of neurons that are on
// and by rows. In the full run alone, as it times.
import { describe, expect, it } from 'vitest';
import { decodeChoice } from '../../../src/gpu/checks/choice.ts';
import { normals, random, randomTensor } from '../../../src/gpu/checks/random.ts';
import { type Setting, type Stage, type Tensor, type Workbench, withStage } from '../../../src/gpu/checks/workbench.ts';
import { type Ledger, createLedger } from '../../../src/gpu/ledger.ts';
import { createProgram } from '../../../src/gpu/program.ts';
import { project } from '../../../src/model/ops/project.ts';
import { experts } from '../../../src/model/ops/rare/experts.ts';
import { neurons } from '../../../src/model/ops/rare/neurons.ts';
import { scan } from '../../../src/model/ops/rare/scan.ts';
import { addRareOperations } from '../../../src/model/rare-operations.ts';
import { adapterFile } from '../../dawn.ts';
import { kernelsOf, sharedGpu } from '../../models/model.ts';
import { isFull, record } from '../../verified.ts';

addRareOperations();

const command = 'WINDROW_FULL=1 npx vitest run --project gpu test/gpu/kernels/two-ways-gpu.test.ts';
const rounds = 5;

/** What the dispatches give, and the least milliseconds of a run. */
async function timed(bench: Workbench, setting: Setting, fill: (stage: Stage) => void, output: string, width: number) {
  return withStage(bench, setting, async (stage) => {
    const program = await createProgram(bench.gpu.device, stage.ledger, bench.kernels, 'timed', stage.dispatches);
    fill(stage);
    await stage.run(program);
    const found = await stage.read(output, setting.tokens, width);
    let least = Infinity;
    for (let round = 0; round < rounds; round++) {
      fill(stage); // what is gated is written over
      await bench.gpu.device.queue.onSubmittedWorkDone();
      const started = performance.now();
      await stage.run(program);
      await bench.gpu.device.queue.onSubmittedWorkDone();
      least = Math.min(least, performance.now() - started);
    }
    program.destroy();
    return { found, least };
  });
}

async function workbench(): Promise<Workbench> {
  const gpu = await sharedGpu();
  return { gpu, kernels: kernelsOf(gpu), room: (): Ledger => createLedger(gpu.device, Infinity) };
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe.skipIf(!adapterFile || !isFull)('two ways', () => {
  const kinds = [
    { kind: 'delta', heads: 16, keyHeads: 8, keyDim: 128, valueDim: 128 }, { kind: 'ssd', heads: 24, keyHeads: 1, keyDim: 128, valueDim: 64 },
  ] as const;
  it.each(kinds)('scan $kind of $heads heads, $keyDim x $valueDim, by blocks and row after row', async (sizes) => {
    const { heads, keyHeads, keyDim, valueDim } = sizes;
    const bench = await workbench();
    const keys = keyHeads * keyDim;
    const width = heads * valueDim + 2 * keys;
    const op = scan({
      ...sizes, name: 'state', input: 'convolved', columns: { value: 0, key: heads * valueDim, query: heads * valueDim + keys }, scalars: 'mixer',
      step: heads, beta: 0, shared: 'runs', stepBias: 'bias', decay: 'decay', output: 'scanned',
    });
    const next = random(sizes.kind);
    const vector = (values: Float32Array): Tensor => ({ type: 'F32', shape: [heads], bytes: new Uint8Array(values.slice().buffer) });
    const tensors = { bias: vector(normals(next, heads)), decay: vector(normals(next, heads, 0.3).map((value) => -Math.abs(value))) };
    const value: Record<string, string> = {};
    for (const tokens of [8, 16, 24, 32, 64, 256]) {
      const [input, scalars] = [normals(next, tokens * width, 0.5), normals(next, tokens * 2 * heads)];
      const fill = (stage: Stage) => {
        stage.write('convolved', input, width);
        stage.write('mixer', scalars, 2 * heads);
      };
      const setting = { config: { eps: 1e-5 }, choice: decodeChoice({}), tensors, op, tokens };
      const walked = await timed(bench, { ...setting, mode: 'decode' }, fill, 'scanned', heads * valueDim);
      const blocks = await timed(bench, { ...setting, mode: 'prefill' }, fill, 'scanned', heads * valueDim);
      expect(largest(blocks.found.map((each, i) => each - walked.found[i])) / largest(walked.found)).toBeLessThan(2e-5);
      value[`${tokens} rows`] = `${walked.least.toFixed(2)} ms row after row, ${blocks.least.toFixed(2)} in prefill`;
    }
    console.log(value);
    record({ point: `Scan ${sizes.kind}, ${heads} heads of ${keyDim} x ${valueDim}: least of ${rounds} runs`, command, value });
  });

  it.each([0.05, 0.1, 0.3, 0.5])('of neurons that are on in a share of %f, back by columns and by rows', async (on) => {
    const bench = await workbench();
    const [rows, count, tokens] = [1024, 4096, 64];
    const next = random('neurons');
    const tensors = { down: { type: 'Q8_0', shape: [count, rows], bytes: randomTensor('Q8_0', rows, count, next) } };
    const hidden = normals(next, tokens * count).map((each) => (next() < on ? each : 0));
    const down = { tensor: 'down', firstRow: 0, rows };
    const value: Record<string, string> = {};
    for (const [mode, some] of [['decode', 1], ['prefill', tokens]] as const) {
      const fill = (stage: Stage) => stage.write('hidden', hidden.subarray(0, some * count), count);
      const setting = { choice: decodeChoice({ prefill: 'rows' }), tensors, mode, tokens: some };
      const byRows = project({ input: 'hidden', cols: count, output: 'x', add: true, matrices: [down] });
      const dense = await timed(bench, { ...setting, op: byRows, config: { dim: rows } }, fill, 'x', rows);
      const columns = await timed(bench, { ...setting, op: neurons({ input: 'hidden', down, neurons: count, output: 'x' }) }, fill, 'x', rows);
      expect(largest(columns.found.map((each, i) => each - dense.found[i])) / largest(dense.found)).toBeLessThan(1e-5);
      value[`${some} rows`] = `${columns.least.toFixed(2)} ms by columns, ${dense.least.toFixed(2)} by rows`;
    }
    console.log(on, value);
    record({ point: `Feed-forward back, ${rows} x ${count} in Q8_0, ${100 * on} % of the neurons on: least of ${rounds} runs`, command, value });
  });

  it.each([0.05, 0.1, 0.3, 0.5])('feed-forward with a ReLU gate, a share of %f of its neurons on, whole and by its neurons', async (on) => {
    const bench = await workbench();
    const [cols, count, tokens] = [1024, 4096, 64];
    const next = random('gated');
    const of = (rows: number, width: number): Tensor => ({ type: 'Q8_0', shape: [width, rows], bytes: randomTensor('Q8_0', rows, width, next) });
    const norm: Tensor = { type: 'F32', shape: [cols], bytes: new Uint8Array(new Float32Array(cols).fill(1).buffer) };
    const tensors = { norm, gate: of(count, cols), up: of(count, cols), down: of(cols, count) };
    const range = (tensor: string, rows: number) => ({ tensor, firstRow: 0, rows });
    const gates = normals(next, tokens * count).map((each) => (next() < on ? Math.abs(each) : -Math.abs(each)));
    const x = normals(next, tokens * cols);
    const both = [range('gate', count), range('up', count)];
    const ways = {
      whole: [
        { op: project({ input: 'x', norm: 'norm', cols, matrices: both, gate: 'relu', output: 'hidden' }), output: 'hidden' },
        { op: project({ input: 'hidden', cols: count, matrices: [range('down', cols)], output: 'x', add: true }), output: 'x' },
      ],
      neurons: [
        { op: project({ input: 'x', norm: 'norm', cols, matrices: both.slice(0, 1), output: 'hidden' }), output: 'hidden' },
        {
          op: neurons({
            input: 'hidden', gated: { input: 'in', norm: 'norm', cols, up: both[1] }, down: range('down', cols), neurons: count, output: 'x',
          }), output: 'x',
        },
      ],
    };
    const value: Record<string, string> = {};
    for (const [mode, some] of [['decode', 1], ['prefill', tokens]] as const) {
      const fill = (stage: Stage) => {
        for (const name of ['x', 'in']) if (name in stage.activations.buffers) stage.write(name, x.subarray(0, some * cols), cols);
        if ('hidden' in stage.activations.buffers) stage.write('hidden', gates.subarray(0, some * count), count);
      };
      const setting = { choice: decodeChoice({ prefill: 'rows' }), tensors, mode, tokens: some, config: { dim: cols, eps: 1e-5 } };
      for (const [way, ops] of Object.entries(ways)) {
        let ms = 0;
        for (const { op, output } of ops) {
          const { least, found } = await timed(bench, { ...setting, op }, fill, output, output === 'x' ? cols : count);
          expect(found.every(Number.isFinite)).toBe(true);
          ms += least;
        }
        value[`${some} rows, ${way}`] = `${ms.toFixed(2)} ms`;
      }
    }
    console.log(on, value);
    record({ point: `Feed-forward gated by a ReLU, ${cols} x ${count} in Q8_0, ${100 * on} % of the neurons on: least of ${rounds} runs`, command, value });
  });

  it.each([64, 256])('experts of a prompt of %i rows, of which each has 2 of 8, and as many dense matrices with as many rows each', async (tokens) => {
    const bench = await workbench();
    const [count, used, cols, hidden] = [8, 2, 512, 512];
    const next = random('experts');
    const of = (rows: number, cols: number, items = 1): Tensor =>
      ({ type: 'Q4_0', shape: [cols, rows, ...(items > 1 ? [items] : [])], bytes: randomTensor('Q4_0', rows * items, cols, next) });
    const norm: Tensor = { type: 'F32', shape: [cols], bytes: new Uint8Array(new Float32Array(cols).fill(1).buffer) };
    const tensorsOf = (items: number) => ({ norm, gate: of(hidden, cols, items), up: of(hidden, cols, items), down: of(cols, hidden, items) });
    const range = (tensor: string, rows: number) => ({ tensor, firstRow: 0, rows });
    const mixture = experts({
      input: 'x', norm: 'norm', experts: count, used, activation: 'silu', cols, hidden, output: 'x',
      gate: range('gate', hidden * count), up: range('up', hidden * count), down: range('down', cols * count),
    });
    // Row t has the experts t and t + 1, so that all have as many rows.
    const halves = new Uint32Array(Float32Array.of(0.5, 0.5).buffer);
    const words = Uint32Array.from(Array.from({ length: tokens }, (_, t) => [t % count, (t + 1) % count, ...halves]).flat());
    const fill = (stage: Stage) => {
      stage.write('x', normals(next, tokens * cols), cols);
      stage.write('chosen', new Float32Array(words.buffer), 2 * used);
    };
    const config = { dim: cols };
    const grouped = await timed(bench, { choice: decodeChoice({}), tensors: tensorsOf(count), mode: 'prefill', tokens, op: mixture, config }, fill, 'x', cols);
    const value: Record<string, string> = { experts: `${grouped.least.toFixed(1)} ms` };
    const rows = (tokens * used) / count;
    const up = project({ input: 'x', norm: 'norm', cols, matrices: [range('gate', hidden), range('up', hidden)], gate: 'silu', output: 'hidden' });
    const down = project({ input: 'hidden', cols: hidden, matrices: [range('down', cols)], output: 'x', add: true });
    for (const choice of [{ prefill: 'rows' }, { prefill: 'tile' }, { prefill: 'tile', tile: 'f16' }] as const) {
      let ms = 0;
      for (const op of [up, down]) {
        const setting = { choice: decodeChoice(choice), tensors: tensorsOf(1), mode: 'prefill' as const, tokens: rows, op, config };
        ms += count * (await timed(bench, setting, (stage) => stage.write(op.input, normals(next, rows * cols), cols), op.output, cols)).least;
      }
      value[Object.values(choice).join(' ')] = `${ms.toFixed(1)} ms`;
    }
    console.log(tokens, value);
    const way = `${tokens} rows, 2 of 8, 512 x 512 in Q4_0`;
    record({ point: `Experts of a prompt of ${way}, beside 8 dense ones of ${rows} rows: least of ${rounds} runs`, command, value });
    expect(grouped.found.every(Number.isFinite)).toBe(true);
  });
});
