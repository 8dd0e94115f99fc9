// Checks of RWKV-7's time mixing: what rows are answered and what is kept, from the beginning and behind other rows; heads whose keys one
// thread holds, and several share.
import { type Wkv, wkv as wkvOp } from '../../../model/ops/rare/wkv.ts';
import { wkv } from '../../../reference/rare/wkv.ts';
import { type Case, type Check, type Proves } from '../check.ts';
import { decodeChoice, inRegisters, provesRegisters } from '../choice.ts';
import { concat } from '../heads.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random } from '../random.ts';
import { type Tensor, withStage } from '../workbench.ts';
import { held } from './scan.ts';

/** Sums over a head and its norm, carried through the rows; of the largest of them. */
const tolerance = 3e-5;

interface WkvCase {
  heads: number;
  headDim: number;
  tokens: number;
  position: number;
  /** Row of the activations that the step begins at. */
  first?: number;
}

const inputs = ['receptance', 'key', 'value', 'decay', 'rate', 'gate'] as const;
const vectors = ['keyScale', 'keyRate', 'bonus', 'weight', 'bias'] as const;

function wkvCase(given: WkvCase, { registers }: Proves = {}): Case {
  const { heads, headDim, tokens, position, first = 0 } = given;
  const name = JSON.stringify(given);
  return {
    name,
    async run(bench) {
      const next = random(name);
      const width = heads * headDim;
      const rows = Object.fromEntries(inputs.map((each) => [each, normals(next, tokens * width)])) as Record<(typeof inputs)[number], Float32Array>;
      const own = Object.fromEntries(vectors.map((each) => [each, normals(next, width)])) as Record<(typeof vectors)[number], Float32Array<ArrayBuffer>>;
      const before = normals(next, heads * headDim ** 2, 0.5);
      const tensors = Object.fromEntries(vectors.map((each): [string, Tensor] =>
        [each, { type: 'F32', shape: [width], bytes: new Uint8Array(own[each].buffer) }]));
      const named = (names: readonly string[]) => Object.fromEntries(names.map((each) => [each, each]));
      const op = wkvOp({ name: 'state', heads, headDim, output: 'answer', ...named(inputs), ...named(vectors) } as Omit<Wkv, 'op'>);
      const found = await withStage(bench, { choice: decodeChoice({ registers }), tensors, op, tokens, position, first }, async (stage) => {
        // What belongs to no sequence alone is run for all rows, from the first of the activations on.
        for (const each of inputs) stage.write(each, rows[each], width);
        bench.gpu.device.queue.writeBuffer(stage.memory!, 0, held(before, heads, headDim, headDim, true));
        await stage.run(stage.dispatches);
        const output = await stage.read('answer', tokens, width);
        const after = new Float32Array(await stage.readBytes(stage.memory!, 4 * before.length));
        return concat([output, held(after, heads, headDim, headDim, false)]);
      });
      const wanted = wkv({ ...rows, ...own, heads, headDim, before: position ? Float64Array.from(before) : undefined });
      const expected = concat([wanted.output, Float32Array.from(wanted.after)]);
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      return { found, expected, scale: new Float32Array(expected.length).fill(largest) };
    },
  };
}

export const checks: OperationChecks<Wkv> = {
  all: (): Check[] => [{
    name: 'wkv', tolerance, choice: {},
    cases: [
      wkvCase({ heads: 3, headDim: 64, tokens: 9, position: 0 }),
      wkvCase({ heads: 2, headDim: 32, tokens: 5, position: 3 }),
      wkvCase({ heads: 1, headDim: 64, tokens: 33, position: 1 }),
      wkvCase({ heads: 2, headDim: 128, tokens: 1, position: 8 }),
      wkvCase({ heads: 5, headDim: 20, tokens: 2, position: 0 }),
    ],
  }, {
    name: 'wkv in 64 registers', tolerance, choice: { registers: 64 },
    cases: [32, 64].map((headDim) => wkvCase({ heads: 2, headDim, tokens: 5, position: 3 }, { registers: 64 })),
  }],
  of: ({ choice: { registers } }, { heads, headDim }) => [{
    name: `wkv of ${headDim}${inRegisters(registers)}`, tolerance, choice: provesRegisters(registers),
    cases: [[5, 0], [1, 4]].map(([tokens, position]) => wkvCase({ heads: Math.min(2, heads), headDim, tokens, position }, { registers })),
  }],
};
