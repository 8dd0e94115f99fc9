// A model's graph run by the reference kernels, one operation after the other, over a file's own weights. No GPU.
import { formats } from '../../src/formats/catalogue.ts';
import { wordsPerBlock } from '../../src/formats/format.ts';
import { type Header } from '../../src/gguf/header.ts';
import { readHeader } from '../../src/gguf/read.ts';
import { type ModelFileOptions } from '../../src/model/architecture.ts';
import { buildGraph } from '../../src/model/build.ts';
import { type Graph, type Op, type RowRange } from '../../src/model/graph.ts';
import { opsOf } from '../../src/model/operations.ts';
import { type Attend } from '../../src/model/ops/attend.ts';
import { type Embed } from '../../src/model/ops/embed.ts';
import { type Experts } from '../../src/model/ops/rare/experts.ts';
import { type ExpertGates } from '../../src/model/ops/rare/expert-gates.ts';
import { type Neurons } from '../../src/model/ops/rare/neurons.ts';
import { type NormAdd } from '../../src/model/ops/norm-add.ts';
import { type Project } from '../../src/model/ops/project.ts';
import { type Rope } from '../../src/model/ops/rope.ts';
import { type Route } from '../../src/model/ops/rare/route.ts';
import { factorsOf, ropeFrequencies } from '../../src/model/rope.ts';
import { attention } from '../../src/reference/attend.ts';
import { embed } from '../../src/reference/embed.ts';
import { mix } from '../../src/reference/rare/experts.ts';
import { gatesOf, neuronsAdded } from '../../src/reference/rare/neurons.ts';
import { project } from '../../src/reference/project.ts';
import { normAdd } from '../../src/reference/norm-add.ts';
import { rmsNorm } from '../../src/reference/rms-norm.ts';
import { rotate } from '../../src/reference/rope.ts';
import { type Choice, route } from '../../src/reference/rare/route.ts';
import { type Mixing, columns, mix as mixTokens } from './forward-mixers.ts';
import { bytesSource } from '../../src/weights/source/source.ts';

/** What `forward` is told before each operation: the buffers as they are, rows of all tokens, and any tensor's weights. */
export type Watch = (op: Op, rows: Readonly<Record<string, Float32Array>>, floats: (tensor: string) => Float32Array) => void;

/** In place of a tensor's own weights, if others are to be there. */
export type Changed = (tensor: string, weights: Float32Array) => Float32Array | undefined;

/** Logits (tokens, vocab) after every one of `ids`, by a GGUF that has room for `context` positions, read as `how` says. */
export async function forward(
  bytes: Uint8Array<ArrayBuffer>, ids: number[], context = ids.length, watch?: Watch, changed?: Changed, how?: ModelFileOptions,
): Promise<Float32Array> {
  const header = await readHeader(bytesSource(bytes, 'model.gguf'));
  const { config, ropes, layers, head, ...ends } = buildGraph(header, how);
  const { eps } = config;

  const floats = floatsOf(header, bytes, changed);
  const optional = (name?: string) => (name === undefined ? undefined : floats(name));
  const rows = {} as Record<string, Float32Array>;
  let choices: Choice[][] = [];
  const caches: { keys: Float32Array; values: Float32Array }[] = [];

  const run = (given: Op): void => {
    const op = given as Embed | Project | Rope | Attend | NormAdd | Route | Experts | ExpertGates | Neurons | Mixing;
    switch (op.op) {
      case 'embed':
        return void (rows[op.output] = embed(floats(op.table), op.cols ?? config.dim, ids, op.scale));
      case 'project': {
        const parts = op.matrices.map(({ tensor, firstRow, rows: count }) => floats(tensor).subarray(firstRow * op.cols, (firstRow + count) * op.cols));
        const counts = op.matrices.map((matrix) => matrix.rows);
        rows[op.output] = project({
          weights: joined(parts), rows: counts.reduce((a, b) => a + b), cols: op.cols, x: rows[op.input],
          norm: op.norm === undefined ? undefined : { weight: floats(op.norm), eps, center: op.center, bias: optional(op.normBias) },
          bias: op.bias && joined(op.bias.map((name, i) => (name === undefined ? new Float32Array(counts[i]) : floats(name)))),
          gate: op.gate, activation: op.activation, scale: op.scale, softcap: op.softcap, residual: op.add ? rows[op.output] : undefined,
        });
        return;
      }
      case 'rope':
        return turnIn(op, { config, ropes }, { rows, caches, count: ids.length, context, floats });
      case 'attend':
        rows.attended = attention({
          queries: rows.query, ...caches[op.layer], ...(op.shape ?? config), position: 0, ...op, sinks: optional(op.sinks),
        });
        return;
      case 'route':
        choices = route(rows[op.input], { ...op, bias: optional(op.bias), expertScale: optional(op.expertScale) });
        return;
      case 'experts': {
        const added = mixed(op, rmsNorm(rows[op.input], floats(op.norm), eps), choices, floats);
        return void (rows[op.output] = op.add === false ? added : rows[op.output].map((value, i) => value + added[i]));
      }
      case 'expert-gates':
        rows[op.normed] = rmsNorm(rows[op.input], floats(op.norm), eps);
        return void (rows[op.output] = gatesOf(rows[op.normed], op.cols, floats(op.gate.tensor), op.hidden, choices));
      case 'neurons': {
        const added = fromNeurons(op, rows, op.experts ? choices : ids.map(() => [{ expert: 0, weight: 1 }]), floats, eps);
        return void (rows[op.output] = rows[op.output].map((value, i) => value + added[i]));
      }
      case 'norm-add':
        rows[op.output] = normAdd(op.add === false ? undefined : rows[op.output], rows[op.input], floats(op.weight), eps).map(
          (value) => value * (op.factor ?? 1) * (optional(op.scale)?.[0] ?? 1),
        );
        return;
      default:
        mixTokens(op, rows, ids.length, config, floats);
    }
  };
  for (const op of opsOf({ layers, head, ...ends })) {
    watch?.(op, rows, floats);
    run(op);
  }
  return rows.logits;
}

/** Of a tensor by its name all its weights. */
const floatsOf = (header: Header, bytes: Uint8Array<ArrayBuffer>, changed?: Changed) => (name: string): Float32Array => {
  const { type, offset, shape } = header.tensors.get(name)!;
  const format = formats.get(type)!;
  const weights = new Float32Array(shape.reduce((a, b) => a * b));
  const words = new Uint32Array(wordsPerBlock(format));
  // Small vectors of a float type may end within a block.
  const blocks = Math.ceil(weights.length / format.blockSize);
  const padded = new Uint8Array(blocks * format.blockBytes);
  padded.set(bytes.subarray(offset, offset + padded.length));
  const block = new Float32Array(format.blockSize);
  for (let i = 0; i < blocks; i++) {
    format.repack(new DataView(padded.buffer), i * format.blockBytes, words);
    format.unpack(words, block);
    weights.set(block.subarray(0, weights.length - i * format.blockSize), i * format.blockSize);
  }
  return changed?.(name, weights) ?? weights;
};

interface Turning {
  rows: Record<string, Float32Array>;
  caches: { keys: Float32Array; values: Float32Array }[];
  count: number;
  context: number;
  floats: (tensor: string) => Float32Array;
}

/** Turns queries and keys of a layer; keys and values go into its cache. */
function turnIn(
  op: Rope, { config, ropes }: Pick<Graph, 'config' | 'ropes'>, { rows, caches, count: tokens, context, floats }: Turning,
): void {
  const { eps } = config;
  const { heads, kvHeads, headDim } = op.shape ?? config;
  const turned = (start: number, count: number, norm?: string) => {
    const normed = (x: Float32Array) => (norm === undefined ? x : rmsNorm(x, floats(norm), eps));
    const rotated = (x: Float32Array) => {
      if (op.rope === undefined) return x;
      const spec = ropes[op.rope];
      const factors = factorsOf(spec, context);
      const frequencies = ropeFrequencies(spec, factors === undefined ? undefined : floats(factors));
      return rotate(x, count, headDim, 0, { ...spec, frequencies });
    };
    const part = columns(rows.qkv, tokens, start * headDim, count * headDim);
    return op.order === 'rotate-norm' ? normed(rotated(part)) : rotated(normed(part));
  };
  const { scale, period } = op.temperature ?? { scale: 0, period: 1 };
  const growth = (position: number) => 1 + scale * Math.log(1 + Math.floor(position / period));
  rows.query = turned(0, heads, op.queryNorm).map((value, i) => value * growth(Math.floor(i / (heads * headDim))));
  if (op.queriesOnly) return;
  const values = columns(rows.qkv, tokens, (heads + kvHeads) * headDim, kvHeads * headDim);
  const ones = new Float32Array(headDim).fill(1);
  caches[op.layer] = { keys: turned(heads, kvHeads, op.keyNorm), values: op.valueNorm ? rmsNorm(values, ones, eps) : values };
}

function fromNeurons(
  { input, gated, down, neurons, experts }: Neurons, rows: Readonly<Record<string, Float32Array>>, choices: Choice[][],
  floats: (tensor: string) => Float32Array, eps: number,
) {
  const x = gated && (gated.norm === undefined ? rows[gated.input] : rmsNorm(rows[gated.input], floats(gated.norm), eps));
  const of = x && { x, cols: gated.cols, up: floats(gated.up.tensor) };
  return neuronsAdded(rows[input], { dim: down.rows / (experts?.count ?? 1), neurons, down: floats(down.tensor), gated: of }, choices);
}

function mixed(given: Experts, x: Float32Array, choices: Choice[][], floats: (tensor: string) => Float32Array) {
  const { cols, hidden, experts: count, activation, biases, ...op } = given;
  const step = op.fused ? 2 * hidden : hidden;
  const down = floats(op.down.tensor);
  const of = ({ tensor, firstRow }: RowRange, expert: number) => {
    const first = firstRow + expert * step;
    return floats(tensor).subarray(first * cols, (first + hidden) * cols);
  };
  const biasesOf = (e: number) => {
    const own = (tensor: string, rows: number) => floats(tensor).subarray(e * rows, (e + 1) * rows);
    return biases && { gateUp: joined([own(biases.gate, hidden), own(biases.up, hidden)]), down: own(biases.down, cols) };
  };
  const experts = Array.from({ length: count }, (_, e) =>
    ({ gateUp: joined([of(op.gate, e), of(op.up, e)]), down: down.subarray(e * cols * hidden, (e + 1) * cols * hidden), biases: biasesOf(e) }));
  return mix(x, cols, hidden, experts, choices, activation);
}

function joined(parts: Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}
