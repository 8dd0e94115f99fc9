// Whether the kernels that multiply with a stored matrix are right at the size at which they are timed: rows spread over the
// matrix, the first and the last among them, against plain loops on the model's own weights, read and unpacked by the CPU.
import { writeState } from '../model/sequence-buffers.ts';
import { roundingIn } from '../engine/measure/tune/choice-text.ts';
import { type LoadedModel } from '../engine/load/load.ts';
import { type Binding, type Dispatch, type Program, type Step } from '../gpu/program.ts';
import { splitsOf } from '../model/blocks/decode-attention.ts';
import { type Project, isProject, joinsSplits } from '../model/ops/project.ts';
import { choiceOf } from '../model/choices/choice-of-matrix.ts';
import { joinSplits } from '../reference/join-splits.ts';
import { project } from '../reference/project.ts';
import { type Matrix } from '../weights/layout.ts';
import { createRows } from '../weights/stream/rows.ts';
import { readBuffer } from './read-buffer.ts';

const spread = 8;
/** Of the largest result. Sums of thousands of products in f32; bytes and f16 round each of them. */
const exactly = 1e-3;
const rounded = 3e-2;

/** Runs the dispatch once on numbers of its own; the rows that were compared, 0 if its weights are not all on the GPU. Throws if one is off. */
export async function verifyRows(
  model: LoadedModel,
  { program, index, dispatch }: { program: Program; index: number; dispatch: Dispatch },
  step: Step,
): Promise<number> {
  const {
    gpu: { device },
    activations: { buffers },
    graph,
    layout,
    choice,
  } = model;
  const { params = {}, bindings } = dispatch;
  const joins = joinsSplits(dispatch);
  const stored = joins ? program.dispatches[index + 1] : dispatch;
  const { kind = '' } = stored;
  const found = matrixOf(model, stored);
  if (!found || (bindings.weights as { slice?: number }).slice !== undefined) return 0;
  const { op, matrix, section, stored: weightsOf, firstRow } = found;
  const fused = params.up_panels > 0;
  const [input, output] = [bindings.input, bindings.output].map((binding) => (binding as Binding).buffer);
  const splits = joins ? splitsAt(dispatch, step) : undefined;
  const x = splits ? joinSplits(splits.left, splits.heads, splits.headDim) : fill(params.stride, op.cols, step.rows, 1);
  const before = op.add ? fill(params.output_stride, params.output_stride, step.rows, 2) : undefined;
  writeState(device.queue, model.activations, model.sequence, step.length - step.rows, step.rows);
  device.queue.writeBuffer(input, 0, splits?.left ?? x);
  if (before) device.queue.writeBuffer(output, 0, before);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  program.encode(pass, { ...step, of: model.sequence }, index, index + 1);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const results = new Float32Array((await readBuffer(device, output)).buffer);

  const rows = [...new Set(Array.from({ length: spread }, (_, i) => Math.round((i * (params.rows - 1)) / (spread - 1))))];
  const up = fused ? rows.map((row) => matrix.parts[1].targetRow + row) : [];
  const weights = await createRows(layout, weightsOf, matrix, model.memory).read([...rows.map((row) => firstRow + row), ...up], 1, matrix.cols);
  const all = op.norm || op.bias ? await readVectors(model, section) : new Float32Array();
  const vectors = (offset: number, length: number) => all.subarray(offset, offset + length);
  const norm = op.norm && input !== buffers.normed?.buffer ? { weight: vectors(4 * params.norm, op.cols), eps: graph.config.eps } : undefined;
  const bias = op.bias ? vectors(params.bias, params.rows) : undefined;
  const isLogits = op.output === 'logits';
  const tolerance = roundingIn({ ...choiceOf(choice, kind), matrices: undefined }) ? rounded : exactly;
  for (const token of new Set([0, step.rows - 1])) {
    const at = isLogits ? 0 : token * params.output_stride;
    const place = (row: number) => at + (params.first_output ?? 0) + row;
    const expected = project({
      weights,
      rows: rows.length + up.length,
      cols: matrix.cols,
      x: x.subarray(token * params.stride, token * params.stride + matrix.cols),
      norm,
      bias: bias && Float32Array.from(rows, (row) => bias[row]),
      gate: fused ? op.gate : undefined,
      activation: dispatch.kernel.constants?.Alone ? op.activation : undefined,
      scale: op.scale,
      softcap: op.softcap,
      residual: before && Float32Array.from(rows, (row) => before[place(row)]),
    });
    const most = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    rows.forEach((row, i) => {
      const error = Math.abs(results[place(row)] - expected[i]) / most;
      if (!(error <= tolerance))
        throw new Error(
          `The kernel of ${dispatch.label} (${kind}) gives ${results[place(row)]} for row ${firstRow + row} of ${matrix.rows} at full size, where ` +
          `plain loops on the model's weights give ${expected[i]}.`,
        );
    });
  }
  return rows.length;
}

/** What attention may have left of as many splits as a step joins. */
function splitsAt({ kernel: { consts = {} }, params = {} }: Dispatch, { length }: Step): { left: Float32Array<ArrayBuffer>; heads: number; headDim: number } {
  const [heads, headDim] = [consts.Heads, 4 * consts.HeadVec4s];
  const width = headDim + 4;
  const splits = splitsOf(length, params.window, params.span);
  const left = fill(width, width, splits * heads, 3);
  for (let total = headDim + 1; total < left.length; total += width) {
    left[total] = 1 + Math.abs(left[total]);
    left[total + 1] = splits - 1;
  }
  return { left, heads, headDim };
}

/** The operation of a product, its matrix, the sections of its vectors and of its weights, and the first row in its binding. */
function matrixOf(
  { sections, layout, activations: { buffers } }: LoadedModel,
  { label, params = {}, bindings }: Dispatch,
): { op: Project; matrix: Matrix; section: number; stored: number; firstRow: number } | undefined {
  const input = (bindings.input as Binding).buffer;
  for (const [section, { name, ops }] of sections.entries()) {
    for (const {
      op,
      stacks: [ref],
    } of ops) {
      if (!isProject(op) || label !== `${name}.${op.output}` || (input !== buffers[op.input].buffer && !(op.norm && input === buffers.normed?.buffer)))
        continue;
      let start = 0;
      for (const matrix of layout.sections[ref.section].stacks[ref.stack]) {
        if (params.first_output < start + matrix.rows) return { op, matrix, section, stored: ref.section, firstRow: params.first_output - start };
        start += op.gate ? Math.ceil(matrix.rows / 32) * 32 : matrix.rows;
      }
    }
  }
  return undefined;
}

/** All vectors of a section, which are small and lie at its beginning. */
async function readVectors({ layout: { slabs, sections }, memory }: LoadedModel, section: number): Promise<Float32Array> {
  const slab = slabs.findIndex((each) => each.section === section && each.offset === 0);
  return new Float32Array((await memory.read({ slab, offset: 0, length: sections[section].vectorBytes })).bytes.slice().buffer);
}

/** (rows, stride) numbers from -1 to 1, zeros beyond `cols`. */
const fill = (stride: number, cols: number, rows: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: stride * rows }, (_, i) => (i % stride < cols ? (Math.imul(i + seed, 2654435761) >> 8) / 2 ** 23 : 0));
