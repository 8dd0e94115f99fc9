// Checks of products head by head: matrices of some types, in one binding and several.
import { formats } from '../../../formats/catalogue.ts';
import { panelLayout } from '../../../formats/panel.ts';
import { type HeadProject, headProject as headProjectOp } from '../../../model/ops/rare/head-project.ts';
import { headProject } from '../../../reference/rare/head-project.ts';
import { type Case, type Check } from '../check.ts';
import { decodeChoice } from '../choice.ts';
import { type OperationChecks } from '../operation-checks.ts';
import { normals, random, randomTensor, unpackTensor } from '../random.ts';
import { withStage } from '../workbench.ts';

/** Of sums of absolute values. */
const tolerance = 1e-5;

interface Projected {
  type: string;
  heads: number;
  rows: number;
  cols: number;
  /** Of the input: columns before the first head, and between two; the same of the output. */
  first: number;
  gap: number;
  tokens: number;
  panelsPerBinding?: number;
}

function headCase(given: Projected): Case {
  const { type, heads, rows, cols, first, gap, tokens, panelsPerBinding } = given;
  const name = JSON.stringify(given);
  return {
    name,
    async run(bench) {
      const next = random(name);
      const bytes = randomTensor(type, heads * rows, cols, next);
      const maxBindingBytes = panelsPerBinding && panelsPerBinding * panelLayout(formats.get(type)!, heads * rows, cols).panelBytes;
      const step = cols + gap;
      const x = normals(next, tokens * heads * step);
      const op = headProjectOp({
        heads, matrix: { tensor: 'matrix', firstRow: 0, rows: heads * rows }, cols,
        input: 'attended', first, step, output: 'values', to: first, toStep: rows + gap,
      });
      const tensors = { matrix: { type, shape: [cols, rows, heads], bytes } };
      const width = heads * step;
      const padded = new Float32Array(tokens * (first + width));
      for (let t = 0; t < tokens; t++) padded.set(x.subarray(t * width, (t + 1) * width), t * (first + width) + first);
      const wide = first + heads * (rows + gap);
      const all = await withStage(bench, { choice: decodeChoice({}), tensors, op, tokens, maxBindingBytes }, async (stage) => {
        stage.write('attended', padded, first + width);
        await stage.run(stage.dispatches);
        return stage.read('values', tokens, first + (heads - 1) * (rows + gap) + rows);
      });
      const width2 = all.length / tokens;
      const isOwn = (_: number, i: number) => i % width2 >= first && (i % width2 - first) % (rows + gap) < rows && i % width2 < wide;
      const own = x.filter((_, i) => i % step < cols);
      const weights = unpackTensor(type, bytes, heads * rows, cols);
      const expected = headProject({ x: own, weights, heads, cols });
      return { found: all.filter(isOwn), expected, scale: headProject({ x: own.map(Math.abs), weights: weights.map(Math.abs), heads, cols }) };
    },
  };
}

const small = { heads: 3, rows: 40, cols: 64, first: 16, gap: 16, tokens: 5 };

export const checks: OperationChecks<HeadProject> = {
  all: (): Check[] => [{
    name: 'head-project', tolerance, choice: {},
    cases: [
      headCase({ ...small, type: 'F32' }), headCase({ ...small, type: 'Q8_0', first: 0, gap: 0, tokens: 1 }),
      headCase({ ...small, type: 'Q4_0', panelsPerBinding: 2 }),
    ],
  }],
  of({ typeOf }, { matrix, cols }) {
    const type = typeOf(matrix.tensor);
    return [{ name: `head-project ${type} of ${cols} columns`, tolerance, choice: {}, cases: [headCase({ ...small, type, cols, tokens: 3 })] }];
  },
};
