// Checks of output projections that join the splits of attention where they stage their input.
import { formats } from '../../formats/catalogue.ts';
import { type KernelChoice } from '../../model/choices/kernel-choice.ts';
import { attentionOf } from '../../model/blocks/decode-attention.ts';
import { isInBytes } from '../../model/blocks/products.ts';
import { attend } from '../../model/ops/attend.ts';
import { project as projectOp } from '../../model/ops/project.ts';
import { joinSplits } from '../../reference/join-splits.ts';
import { project } from '../../reference/project.ts';
import { type Case, type Outcome } from './check.ts';
import { type Heads, concat, nameOfHeads } from './heads.ts';
import { inputInBytes, sizesOf } from './product.ts';
import { normals, random, randomTensor, unpackTensor } from './random.ts';
import { withStage } from './workbench.ts';

export interface Joined extends Heads {
  type: string;
  /** Of the matrix. */
  rows: number;
  /** Splits of attention, of as many positions each as `choice.span` and these heads leave workgroup memory for. */
  splits: number;
  /** Attention sees the positions of one split less, which begin within one. */
  windowed?: boolean;
  scale?: number;
  /** The product is not added to what is there. */
  alone?: boolean;
  /** It shares a bind group with the products behind it. */
  shares?: boolean;
}

/** What several splits of attention have left, at random, times a matrix. */
export function joinedCase(given: Joined, choice: KernelChoice): Case {
  const { type, rows, heads, kvHeads, headDim, splits, windowed, scale, alone, shares } = given;
  const { span } = attentionOf(given, choice);
  const window = windowed ? (splits - 1) * span : undefined;
  const name = `${type}, ${rows} x ${nameOfHeads(given)}, ${splits} splits of ${span}${window ? `, window ${window}` : ''}`;
  return {
    name: shares ? `${name}, beside others` : name,
    async run(bench): Promise<Outcome> {
      const next = random(name);
      const cols = heads * headDim;
      const bytes = randomTensor(type, rows, cols, next);
      const before = alone ? undefined : normals(next, rows);
      const left = concat(Array.from({ length: splits * heads }, () =>
        Float32Array.of(...normals(next, headDim), 4 * normals(next, 1)[0], 1 + Math.abs(normals(next, 1)[0]), splits - 1, 0)));
      const position = window ? 1.5 * span + window - 1 : splits * span - 3;
      const joins = { ...attend({ layer: 0, scale: 1, window }), projected: true };
      const [residual, hidden] = ['x', 'hidden'];
      const norm = new Float32Array(rows).fill(2); // of what is beside it, so that its weights are not the first of the section
      const matrices = [{ tensor: 'matrix', firstRow: 0, rows }];
      const op = projectOp({
        input: 'attended', output: residual, cols, matrices, add: !alone, scale, joins, ...(shares && { shares: { role: 'back', residual, hidden, joins } }),
      });
      const beside = [projectOp({ input: residual, output: hidden, norm: 'norm', cols: rows, matrices })];
      const found = await withStage(
        bench,
        {
          config: { heads, kvHeads, headDim, dim: cols, ffn: rows }, choice: { ...choice, joined: 1 }, mode: 'decode', tokens: 1, position,
          op, after: joins, beside,
          tensors: { matrix: { type, shape: [cols, rows], bytes }, norm: { type: 'F32', shape: [rows], bytes: new Uint8Array(norm.buffer) } },
        },
        async (stage) => {
          bench.gpu.device.queue.writeBuffer(stage.activations.buffers.partials.buffer, 0, left);
          if (before) stage.write(residual, before, rows);
          await stage.run(stage.dispatches);
          return stage.read(residual, 1, rows);
        },
      );
      const plain = { weights: unpackTensor(type, bytes, rows, cols), rows, cols, x: joinSplits(left, heads, headDim), scale, residual: before };
      if (!isInBytes(choice, formats.get(type)!, true)) return { found, expected: project(plain), scale: sizesOf(plain) };
      const { rounded, sizes } = inputInBytes(plain, 2);
      return { found, expected: project(rounded), scale: sizesOf(rounded, sizes) };
    },
  };
}
