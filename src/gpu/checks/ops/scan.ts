// Checks of scans: what each row is answered and what is kept, from the beginning and behind other rows; row after row, with keys that one thread holds and
// that several share, and by blocks, of which the last may be any part of one.
import { type Scan, blockedRows, scan as scanOp } from '../../../model/ops/rare/scan.ts';
import { scan } from '../../../reference/rare/scan.ts';
import { type Case, type Check, type Proves } from '../check.ts';
import { decodeChoice, inRegisters, provesRegisters } from '../choice.ts';
import { concat } from '../heads.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { type Tensor, withStage } from '../workbench.ts';

/** Sums of a key's length, carried through the rows; of the largest of them. */
const tolerance = 2e-5;

interface ScanCase extends Pick<Scan, 'kind' | 'heads' | 'keyHeads' | 'shared' | 'keyDim' | 'valueDim'> {
  tokens: number;
  position: number;
  skip?: boolean;
  /** Row of the activations that the step begins at. */
  first?: number;
}

function scanCase(given: ScanCase, { registers }: Proves = {}): Case {
  const { kind, heads, keyHeads, shared, keyDim, valueDim, tokens, position, skip, first = 0 } = given;
  const name = JSON.stringify(given);
  return {
    name,
    async run(bench) {
      const next = random(name);
      const vectors = { bias: normals(next, heads), decay: normals(next, heads, 0.3).map((value) => -Math.abs(value)), skip: normals(next, heads) };
      const tensors = Object.fromEntries(Object.entries(vectors).map(([key, values]): [string, Tensor] =>
        [key, { type: 'F32', shape: [heads], bytes: new Uint8Array(values.buffer) }]));
      const keys = keyHeads * keyDim;
      const columns = { value: 0, key: heads * valueDim, query: heads * valueDim + keys };
      const [v, k, q] = [heads * valueDim, keys, keys].map((width) => normals(next, tokens * width, 0.5));
      const [steps, betas] = [normals(next, tokens * heads), normals(next, tokens * heads)];
      const before = normals(next, heads * keyDim * valueDim, 0.5);
      const op = scanOp({
        kind, name: 'state', input: 'convolved', columns, scalars: 'mixer', step: heads, beta: 0, heads, keyHeads, shared, keyDim, valueDim,
        stepBias: 'bias', decay: 'decay', skip: skip ? 'skip' : undefined, output: 'scanned',
      });
      const rows = (parts: [Float32Array, number][]) =>
        concat(Array.from({ length: tokens }, (_, t) => concat(parts.map(([part, width]) => part.subarray(t * width, (t + 1) * width)))));
      const setting = { config: { eps: 1e-5 }, choice: decodeChoice({ registers }), tensors, op, tokens, position, first };
      const found = await withStage(bench, setting, async (stage) => {
        stage.write('convolved', rows([[v, heads * valueDim], [k, keys], [q, keys]]), heads * valueDim + 2 * keys);
        stage.write('mixer', rows([[betas, heads], [steps, heads]]), 2 * heads);
        bench.gpu.device.queue.writeBuffer(stage.memory!, 0, held(before, heads, keyDim, valueDim, true));
        await stage.run(stage.dispatches);
        const output = await stage.read('scanned', tokens, heads * valueDim);
        const after = new Float32Array(await stage.readBytes(stage.memory!, 4 * before.length));
        return concat([output, held(after, heads, keyDim, valueDim, false)]);
      });
      const wanted = scan({
        kind, queries: q, keys: k, values: v, betas, decay: vectors.decay, skip: skip ? vectors.skip : undefined, heads, keyHeads, shared, keyDim, valueDim,
        steps: steps.map((value, i) => value + vectors.bias[i % heads]), eps: 1e-5, before: position ? Float64Array.from(before) : undefined,
      });
      const expected = concat([wanted.output, Float32Array.from(wanted.after)]);
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      return { found, expected, scale: new Float32Array(expected.length).fill(largest) };
    },
  };
}

/** (heads, keys, values) as the kernel keeps it, four keys of a value together; or back. */
export function held(from: Float32Array, heads: number, keyDim: number, valueDim: number, pack: boolean): Float32Array<ArrayBuffer> {
  const result = new Float32Array(from.length);
  for (let head = 0; head < heads; head++)
    for (let key = 0; key < keyDim; key++)
      for (let value = 0; value < valueDim; value++) {
        const plain = (head * keyDim + key) * valueDim + value;
        const packed = ((head * (keyDim / 4) + Math.floor(key / 4)) * valueDim + value) * 4 + (key % 4);
        result[pack ? packed : plain] = from[pack ? plain : packed];
      }
  return result;
}

export const checks: OperationChecks<Scan> = {
  all: (): Check[] => (['ssd', 'delta'] as const).flatMap((kind) => [
    {
      name: `scan ${kind}`, tolerance, choice: {},
      cases: [
        scanCase({ kind, heads: 4, keyHeads: 2, shared: 'runs', keyDim: 32, valueDim: 24, tokens: 9, position: 0, skip: kind === 'ssd' }),
        scanCase({ kind, heads: 6, keyHeads: 3, shared: 'turns', keyDim: 128, valueDim: 40, tokens: 5, position: 3, first: 2 }),
        scanCase({ kind, heads: 3, keyHeads: 1, shared: 'runs', keyDim: 44, valueDim: 20, tokens: 1, position: 8 }),
        scanCase({ kind, heads: 1, keyHeads: 1, shared: 'turns', keyDim: 256, valueDim: 16, tokens: 3, position: 0 }),
        scanCase({ kind, heads: 2, keyHeads: 1, shared: 'turns', keyDim: 44, valueDim: 22, tokens: blockedRows, position: 0 }),
      ],
    },
    {
      name: `scan ${kind} by blocks`, tolerance, choice: {},
      cases: [
        scanCase({ kind, heads: 2, keyHeads: 2, shared: 'runs', keyDim: 44, valueDim: 64, tokens: 33, position: 1 }),
        scanCase({ kind, heads: 6, keyHeads: 3, shared: 'runs', keyDim: 44, valueDim: 40, tokens: 96, position: 3, first: 2 }),
        scanCase({ kind, heads: 4, keyHeads: 2, shared: 'runs', keyDim: 44, valueDim: 24, tokens: blockedRows, position: 0 }),
        scanCase({ kind, heads: 1, keyHeads: 1, shared: 'turns', keyDim: 256, valueDim: 20, tokens: 63, position: 5, skip: kind === 'ssd' }),
      ],
    },
    {
      name: `scan ${kind} in 64 registers`, tolerance, choice: { registers: 64 },
      cases: [9, 41].map((tokens) =>
        scanCase({ kind, heads: 2, keyHeads: 1, shared: 'runs', keyDim: 128, valueDim: 24, tokens, position: 3 }, { registers: 64 })),
    },
  ]),
  of({ choice: { registers } }, { kind, heads, keyHeads, shared, keyDim, valueDim, skip }) {
    const few = Math.min(2, keyHeads);
    const some = { kind, heads: few * Math.min(2, heads / keyHeads), keyHeads: few, shared, keyDim, valueDim, skip: skip !== undefined };
    return [{
      name: `scan ${kind} of ${keyDim} x ${valueDim}, shared in ${shared}${skip ? ', with skip' : ''}${inRegisters(registers)}`, tolerance,
      choice: provesRegisters(registers),
      cases: [9, 1, blockedRows + 9].map((tokens, i) => scanCase({ ...some, tokens, position: 4 * i }, { registers })),
    }];
  },
};
