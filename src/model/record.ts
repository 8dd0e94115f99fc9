// Turns the operations of a graph into dispatches: for one token (decode) and for many (prefill).
import { type Binding, type Dispatch } from '../gpu/program.ts';
import { type Activation, type Attend, type Embed, type Graph, type NormAdd, type Op, type Project, type Rope } from './graph.ts';
import { matrixKind, choiceOf } from './choice-of-matrix.ts';
import { type MatrixPart, decodeKernel, fewKernel, fewRows, formatFiles, lanesOf, matrixParams, prefillKernel } from './products.ts';
import { type AttentionChoice, type Mode, type KernelChoice, attentions } from './kernel-choice.ts';

/** What the operations of one section are recorded with. */
export interface Place {
  vectors: Binding;
  /** Index of the first float of a vector in `vectors`. */
  vectorOffset(tensor: string): number;
  /** Parts of the n-th project (or embed) operation of the section. */
  stack(n: number): MatrixPart[];
}

export interface Activations {
  buffers: Record<Activation | 'normed' | 'gated' | 'partials', Binding>;
  /** Floats per row. */
  strides: Record<Activation | 'normed' | 'gated', number>;
  state: Binding;
  ids: Binding;
  angles: Binding;
  /** First entry of each rope in `angles`. */
  firstAngles: number[];
}

export interface RecordContext {
  graph: Graph;
  choice: KernelChoice;
  activations: Activations;
  keys(layer: number): Binding;
  values(layer: number): Binding;
}

/** Workgroup memory that every device has. */
const workgroupBytes = 16384;
/** Most heads of a group that share a workgroup there: their sums are in registers. */
const mostHeads = 8;
const gates = { silu: 1, gelu: 2 };
const flag = (value: unknown) => (value ? 1 : 0);

/** Records the operations of a section in order. */
export function record(context: RecordContext, mode: Mode, name: string, ops: Op[], place: Place): Dispatch[] {
  let stack = 0;
  return ops.flatMap((op) => {
    switch (op.op) {
      case 'embed': return embed(context, name, op, place.stack(stack++));
      case 'project': return project(context, mode, name, op, place, place.stack(stack++));
      case 'rope': return [rope(context, name, op, place)];
      case 'attend': return mode === 'decode' ? attendOne(context, name, op) : [attendMany(context, name, op)];
      case 'norm-add': return [normAdd(context, name, op, place)];
    }
  });
}

function embed({ activations: { buffers, strides, state, ids } }: RecordContext, name: string, op: Embed, parts: MatrixPart[]): Dispatch[] {
  return parts.map((part) => {
    const groups = Math.ceil(part.matrix.cols / 32);
    return {
      label: `${name}.embed`,
      kernel: { kernel: 'embed', files: ['prelude', ...formatFiles(part.matrix.format), 'state'] },
      params: { ...matrixParams(part), groups, first_row: part.firstRow, rows: part.rows, stride: strides[op.output], scale: op.scale },
      bindings: { weights: part.binding, state, ids, output: buffers[op.output] },
      grid: ({ rows }) => [Math.ceil(groups / 64), rows],
    };
  });
}

function project(context: RecordContext, mode: Mode, name: string, op: Project, place: Place, parts: MatrixPart[]): Dispatch[] {
  const { buffers, strides, state } = context.activations;
  const fused = op.gate && mode === 'decode' && parts.length === 1;
  const target = op.gate && !fused ? 'gated' : op.output;
  const firstOutput = firstOutputs(op, parts);
  const dispatches: Dispatch[] = [];
  let input: Activation | 'normed' = op.input;
  if (op.norm && mode === 'prefill') {
    input = 'normed';
    dispatches.push(rmsNorm(context, `${name}.norm`, op.input, 'normed', op.norm, false, place));
  }
  parts.forEach((part, i) => {
    const kind = matrixKind(op, part.matrix);
    const choice = choiceOf(context.choice, kind);
    const common = { weights: part.binding, vectors: place.vectors, state, input: buffers[input], output: buffers[target] };
    const params = {
      ...matrixParams(part), rows: part.rows, first_output: firstOutput[i], stride: strides[input], output_stride: strides[target],
      norm: op.norm ? place.vectorOffset(op.norm) / 4 : 0, bias: op.bias ? place.vectorOffset(op.bias[0]!) + firstOutput[i] : 0,
      inverse_cols: 1 / op.cols, eps: context.graph.config.eps, softcap: op.softcap ?? 0, up_panels: 0,
    };
    const constants: Record<string, number> = { HasBias: flag(op.bias), Add: flag(op.add), Softcap: flag(op.softcap) };
    if (mode === 'decode') {
      const gate = fused ? gates[op.gate!] : 0;
      if (fused) {
        params.rows = part.matrix.parts[0].rows;
        params.up_panels = part.matrix.parts[1].targetRow / 32;
        params.panels = params.up_panels;
      }
      dispatches.push({
        label: `${name}.${op.output}`, kind,
        kernel: decodeKernel(choice, part, { ...constants, HasNorm: flag(op.norm), Gate: gate, LastRow: flag(op.output === 'logits') }),
        params, bindings: common,
        grid: () => [Math.ceil(params.panels / choice.panels)],
      });
    } else {
      const dispatch = { label: `${name}.${op.output}`, kind, params, bindings: common };
      const many = { ...dispatch, ...prefillKernel(choice, part, constants) };
      // Each step runs one of the two.
      if (choice.few) dispatches.push({ ...dispatch, ...fewKernel(choice.few, part, constants) }, { ...many, grid: (step) => (step.rows <= fewRows ? [0] : many.grid(step)) });
      else dispatches.push(many);
    }
  });
  if (op.gate && !fused) dispatches.push(gate(context, name, op));
  return dispatches;
}

/** Where each part's first row goes in a row of the output: stacked rows follow each other, gated halves begin at a panel. */
function firstOutputs(op: Project, parts: MatrixPart[]): number[] {
  let start = 0;
  let previous = parts[0].matrix;
  return parts.map((part) => {
    if (part.matrix !== previous) {
      start += op.gate ? Math.ceil(previous.rows / 32) * 32 : previous.rows;
      previous = part.matrix;
    }
    return start + part.firstRow;
  });
}

function gate({ activations: { buffers, strides, state }, graph }: RecordContext, name: string, op: Project): Dispatch {
  const cols = Math.ceil(graph.config.ffn / 4);
  return {
    label: `${name}.gate`,
    kernel: { kernel: 'gate', files: ['activate', 'state'], constants: { Gate: gates[op.gate!] } },
    params: { cols, up: strides.gated / 8, input_stride: strides.gated, output_stride: strides[op.output] },
    bindings: { state, input: buffers.gated, output: buffers[op.output] },
    grid: ({ rows }) => [Math.ceil(cols / 64), rows],
  };
}

function rmsNorm({ activations: { buffers, strides }, graph, choice }: RecordContext, label: string, input: Activation, output: Activation | 'normed', weight: string, add: boolean, place: Place): Dispatch {
  return {
    label,
    kernel: { kernel: 'rms-norm', files: [`reduce/${choice.reduce}`], constants: { Add: flag(add) } },
    params: {
      groups: Math.ceil(graph.config.dim / 4), input_stride: strides[input], output_stride: strides[output],
      norm: place.vectorOffset(weight) / 4, inverse_cols: 1 / graph.config.dim, eps: graph.config.eps,
    },
    bindings: { vectors: place.vectors, input: buffers[input], output: buffers[output] },
    grid: ({ rows }) => [rows],
  };
}

const normAdd = (context: RecordContext, name: string, op: NormAdd, place: Place): Dispatch => rmsNorm(context, `${name}.norm-add`, op.input, op.output, op.weight, true, place);

function rope(context: RecordContext, name: string, op: Rope, place: Place): Dispatch {
  const { activations: { buffers, strides, state, angles, firstAngles }, graph: { config, ropes }, choice } = context;
  const spec = ropes[op.rope];
  const vec4s = Math.ceil(config.headDim / 4);
  const headsPerWorkgroup = Math.floor(64 / vec4s);
  return {
    label: `${name}.rope`,
    kernel: { kernel: 'rope', files: [`kv/${choice.cache}`, 'state'], constants: { Halves: flag(spec.layout === 'halves'), HasNorm: flag(op.queryNorm) } },
    params: {
      heads: config.heads, kv_heads: config.kvHeads, head_dim: config.headDim, head_vec4s: vec4s, rope_dims: spec.dims,
      first_angle: firstAngles[op.rope], stride: strides.qkv, eps: config.eps,
      query_norm: op.queryNorm ? place.vectorOffset(op.queryNorm) : 0, key_norm: op.keyNorm ? place.vectorOffset(op.keyNorm) : 0,
    },
    bindings: {
      vectors: place.vectors, state, qkv: buffers.qkv, angles, query: buffers.query,
      keys: () => context.keys(op.layer), values: () => context.values(op.layer),
    },
    grid: ({ rows }) => [Math.ceil((config.heads + 2 * config.kvHeads) / headsPerWorkgroup), rows],
  };
}

function attendMany(context: RecordContext, name: string, op: Attend): Dispatch {
  const { activations: { buffers, strides, state }, graph: { config }, choice } = context;
  const groupSize = config.heads / config.kvHeads;
  const lanes = lanesOf(choice.prefill);
  return {
    label: `${name}.attend`,
    // What is faster for products, reading for oneself or together, is so for keys and values.
    kernel: {
      kernel: 'attention', files: [`kv/${choice.cache}`, lanes ? 'eight/broadcast' : 'eight/direct', 'state'],
      consts: { HeadVec4s: Math.ceil(config.headDim / 4), ...(lanes ? { Lanes: lanes } : {}) },
    },
    params: { heads: config.heads, kv_heads: config.kvHeads, head_dim: config.headDim, stride: strides.attended, window: op.window ?? 0, scale: op.scale },
    bindings: { state, query: buffers.query, keys: () => context.keys(op.layer), values: () => context.values(op.layer), attended: buffers.attended },
    grid: ({ rows }) => [Math.ceil((rows * groupSize) / 64), config.kvHeads],
  };
}

function attendOne(context: RecordContext, name: string, op: Attend): Dispatch[] {
  const { activations: { buffers, state }, graph: { config }, choice } = context;
  const vec4s = Math.ceil(config.headDim / 4);
  const { workgroups, headsEach } = sharing(config);
  const { span, threads } = attentionOf(config, choice);
  const consts = { HeadVec4s: vec4s, Threads: threads, Span: span };
  const window = op.window ?? 0;
  const sizes = { heads: config.heads, kv_heads: config.kvHeads, head_dim: config.headDim, head_vec4s: vec4s };
  return [
    {
      label: `${name}.attend`,
      kernel: { kernel: 'attention-decode', files: [`kv/${choice.cache}`, 'state'], consts: { ...consts, Heads: headsEach } },
      params: { ...sizes, window, scale: op.scale },
      bindings: { state, query: buffers.query, keys: () => context.keys(op.layer), values: () => context.values(op.layer), partials: buffers.partials },
      grid: ({ length }) => [splitsOf(length, window, span), config.kvHeads, workgroups],
    },
    {
      label: `${name}.attend.reduce`,
      kernel: { kernel: 'attention-reduce', files: ['state'], consts },
      params: { ...sizes, window },
      bindings: { state, partials: buffers.partials, attended: buffers.attended },
      grid: () => [config.heads],
    },
  ];
}

/** How the heads of a group share workgroups in decode: workgroups of a key/value head, and heads of each. */
function sharing({ heads, kvHeads }: Pick<Graph['config'], 'heads' | 'kvHeads'>): { workgroups: number; headsEach: number } {
  const groupSize = heads / kvHeads;
  const workgroups = Math.ceil(groupSize / mostHeads);
  return { workgroups, headsEach: Math.ceil(groupSize / workgroups) };
}

/** How many spans the positions lie in that the last of `length` sees. */
const splitsOf = (length: number, window: number, span: number): number =>
  Math.ceil(length / span) - Math.floor((window ? length - Math.min(window, length) : 0) / span);

/** The shapes of attention of a model: those chosen, or with the largest span that its heads leave workgroup memory for. */
export function attentionOf(config: Pick<Graph['config'], 'heads' | 'kvHeads'>, { span, threads }: AttentionChoice): AttentionChoice {
  const { headsEach } = sharing(config);
  // The arrays of attention-decode.wgsl.
  const bytes = (positions: number) => 4 * headsEach * (positions + threads + 1) + 16 * threads * Math.min(headsEach, 256 / threads);
  const fitting = attentions.filter((each) => each.threads === threads && each.span <= span && bytes(each.span) <= workgroupBytes);
  return { span: Math.max(...fitting.map((each) => each.span)), threads };
}

/** Bytes of the partial results of split attention for up to `positions`, whatever shapes are chosen. */
export const partialsBytes = ({ heads, headDim }: Graph['config'], positions: number): number => Math.ceil(positions / Math.min(...attentions.map(({ span }) => span))) * heads * (Math.ceil(headDim / 4) + 1) * 16;
