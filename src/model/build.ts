// From a GGUF header to a graph, refusing what would be silently ignored.
import { InvalidFileError, UnsupportedModelError } from '../errors.ts';
import { formats, typeNames } from '../formats/catalogue.ts';
import { type Header, type MetadataValue } from '../gguf/header.ts';
import { getNumber, getString } from '../gguf/metadata.ts';
import { type Architecture, type ModelFile, type ModelFileOptions, openModelFile, optionalTensor } from './architecture.ts';
import { type Graph, type Op } from './graph.ts';
import { type Attend, isAttend } from './ops/attend.ts';
import { type Project, isProject } from './ops/project.ts';
import { type Shares } from './blocks/shared-bindings.ts';
import { type Rope, isRope } from './ops/rope.ts';
import { opsOf, refusalOf, tensorsOf, vectorsOf } from './operations.ts';
import { factorTensors } from './rope-scaling.ts';
import { addRareOperations } from './rare-operations.ts';

addRareOperations();

/** Found by file, as operations are: adding one is adding a file in a folder of architectures/. */
const files = import.meta.glob<{ architecture: Architecture }>('./architectures/*/*.ts', { eager: true });
const architectures: ReadonlyMap<string, Architecture> = new Map(Object.values(files).map(({ architecture }) => [architecture.name, architecture]));
/** `general.architecture` of the models that windrow runs. */
export const architectureNames: ReadonlySet<string> = new Set(architectures.keys());

/** Keys that repeat what is so without them, each with the value that does. */
const defaults: Record<string, unknown> = { 'attention.causal': true, logit_scale: 1, residual_scale: 1, embedding_scale: 1 };
// Keys that no architecture's result depends on; YaRN reads the second where it applies.
const harmlessKeys = ['rope.scaling.finetuned', 'rope.scaling.original_context_length', 'tensor_data_layout', 'vocab_size', 'classifier.output_labels'];

/** Throws UnsupportedModelError for anything in the file that the result would depend on and windrow does not implement. */
export function buildGraph(header: Header, options?: ModelFileOptions): Graph {
  const splits = getNumber(header.metadata, 'split.count', 1);
  if (splits > 1) {
    const part = getNumber(header.metadata, 'split.no', 0) + 1;
    throw new UnsupportedModelError(
      `The file is part ${part} of ${splits} of a split model. Give all ${splits} parts together (the address or path of one is enough if the ` +
      'others lie beside it under their own names), or join them first (llama-gguf-split --merge).',
    );
  }
  const type = getString(header.metadata, 'general.type', 'model');
  const name = type === 'model' ? getString(header.metadata, 'general.architecture') : getString(header.metadata, 'general.architecture', type);
  if (type === 'mmproj' || name === 'clip')
    throw new UnsupportedModelError(
      'The file is the projector of a vision model (mmproj), which stands beside the model. Choose the file of the model itself.',
    );
  if (type === 'imatrix')
    throw new UnsupportedModelError('The file is an importance matrix, by which models are quantised. Choose the file of the model itself.');
  const architecture = architectures.get(name);
  if (!architecture) {
    throw new UnsupportedModelError(
      `The architecture "${name}" is not supported. Supported are ${[...architectures.keys()].join(', ')}: choose a model of one of these.`,
    );
  }
  if (type === 'adapter')
    throw new UnsupportedModelError('The file is an adapter, which is added to a model. Choose the file of that model, and give this one as its adapter.');
  if (type !== 'model') throw new UnsupportedModelError(`The file is of the type "${type}", not a whole language model. Choose the file of the model itself.`);
  if (!header.tensors.size) throw new InvalidFileError('The file has no tensors: it is a vocabulary without a model. Choose the file that has the weights.');
  if (header.metadata.has('powerinfer.sparse_threshold')) {
    throw new UnsupportedModelError(
      'The file is made for PowerInfer, with matrices that are transposed and others that foretell which neurons are on. Choose an ordinary GGUF of the ' +
      'model, and if it was retrained with a ReLU, load it with the activation `relu`.',
    );
  }
  const file = openModelFile(header, name, options);
  const graph = withNeighbours(withPooling(file, architecture.graph(file)));
  if (file.activation && !file.keysRead.has('hidden_activation'))
    throw new UnsupportedModelError(`An activation is asked for (${file.activation}), which windrow takes for llama alone: that of ${name} models is known.`);
  const experts = getNumber(header.metadata, `${name}.expert_count`, 0);
  if (experts > 0 && !file.keysRead.has('expert_count'))
    throw new UnsupportedModelError(
      `The file sets ${name}.expert_count = ${experts}: a mixture of experts, which windrow does not implement for ${name}. Choose a dense model.`,
    );
  refuseUnknownKeys(header, architecture, file.keysRead);
  refuseUnusedTensors(header, graph);
  checkVectors(header, graph);
  for (const tensor of header.tensors.values()) {
    if (!formats.has(tensor.type)) {
      throw new UnsupportedModelError(`The tensor ${tensor.name} has the type ${tensor.type}. Supported are ${typeNames.join(', ')}.`);
    }
  }
  return graph;
}

/** Says what operations could do of those beside them. */
const withNeighbours = (graph: Graph): Graph => ({ ...graph, layers: graph.layers.map((ops) => withSharingIn(withJoinsIn(withTurnsIn(ops)))) });

/** Where attention follows the turning of its queries, and could do that by itself. */
function withTurnsIn(ops: Op[]): Op[] {
  const made = [...ops];
  for (let i = 1; i < ops.length; i++) {
    const [turning, attending] = [ops[i - 1], ops[i]];
    if (!isRope(turning) || !isAttend(attending)) continue;
    if (turning.layer !== attending.layer || turning.queriesOnly || turning.normOf === 'all' || attending.sinks !== undefined) continue;
    const turns: Rope = { ...turning, attended: true };
    const attends: Attend = { ...attending, turns };
    made.splice(i - 1, 2, turns, attends);
  }
  return made;
}

/** Where a product follows attention, alone reads what that gives, and could join it from its splits. */
function withJoinsIn(ops: Op[]): Op[] {
  const made = [...ops];
  const readers = ops.filter((op) => (op as { input?: string }).input === 'attended').length;
  for (let i = 1; i < ops.length; i++) {
    const [attending, projecting] = [ops[i - 1], ops[i]];
    if (!isAttend(attending) || !isProject(projecting)) continue;
    if (projecting.input !== 'attended' || projecting.norm !== undefined || readers !== 1) continue;
    const joins: Attend = { ...attending, projected: true };
    const projects: Project = { ...projecting, joins };
    made.splice(i - 1, 2, joins, projects);
  }
  return made;
}

/** Where products follow each other that could share what they bind: gate and up, then down; before them one that could join splits of attention. */
function withSharingIn(ops: Op[]): Op[] {
  const made = [...ops];
  for (let i = 1; i < ops.length; i++) {
    const [up, down] = [ops[i - 1], ops[i]];
    if (!isProject(up) || !isProject(down) || !up.gate || up.center || down.gate || down.norm !== undefined) continue;
    const [residual, hidden] = [up.input, up.output];
    if (down.input !== hidden || down.output !== residual) continue;
    const before = i > 1 ? ops[i - 2] : undefined;
    const back = before && isProject(before) && before.joins && before.output === residual ? before : undefined;
    const as = (product: Project, role: Shares['role']): Project => ({ ...product, shares: { role, residual, hidden, joins: back?.joins } });
    if (back) made[i - 2] = as(back, 'back');
    made[i - 1] = as(up, 'up');
    made[i] = as(down, 'down');
  }
  return made;
}

/** llama.cpp's numbers. */
const poolings = [undefined, 'mean', 'cls', 'last', 'rank'] as const;

/** What the file says of embeddings; the tokens of a model do not depend on it. */
function withPooling(file: ModelFile, graph: Graph): Graph {
  const pooling = poolings[file.count('pooling_type', { least: 0, most: poolings.length - 1, fallback: 0 })];
  if (pooling !== 'rank') return { ...graph, pooling };
  const labels = file.header.metadata.get(`${graph.config.architecture}.classifier.output_labels`);
  const names = Array.isArray(labels) && labels.length ? labels.map(String) : [''];
  const [weight, bias] = ['cls.output.weight', optionalTensor(file, 'cls.output.bias')];
  file.matrix(weight, graph.config.dim, names.length);
  if (bias) file.matrix(bias, names.length, 1);
  return { ...graph, pooling, classifier: { weight, bias, labels: names }, hostTensors: [...graph.hostTensors, weight, ...(bias ? [bias] : [])] };
}

function refuseUnknownKeys(header: Header, { name, harmless }: Architecture, read: ReadonlySet<string>): void {
  for (const [key, value] of header.metadata) {
    if (!key.startsWith(`${name}.`)) continue;
    const short = key.slice(name.length + 1);
    const off = isOff(value, defaults[short]); // expert_count = 0 and the like
    if (!off && !read.has(short) && !harmless.includes(short) && !harmlessKeys.includes(short)) {
      throw new UnsupportedModelError(
        `The file sets ${key} = ${String(value).slice(0, 60)}, which windrow does not implement for ${name}; ignoring it could give wrong numbers.`,
      );
    }
  }
}

/** Whether `value`, or each one of a list of them by layer, changes nothing. */
function isOff(value: MetadataValue, usual: unknown): boolean {
  if (typeof value === 'object') return Array.prototype.every.call(value, (each: MetadataValue) => isOff(each, usual));
  return value === 0 || value === false || value === usual;
}

function refuseUnusedTensors(header: Header, graph: Graph): void {
  const used = new Set([...graph.hostTensors, ...opsOf(graph).flatMap((op) => tensorsOf(op, graph.config))]);
  for (const tensor of header.tensors.keys()) {
    if (/^(v|mm)\./.test(tensor)) {
      throw new UnsupportedModelError(
        `The file has a vision tower beside its language model (the tensor ${tensor}, say); windrow reads text alone. Choose a file of the text ` +
        'model, in which the tower is left out or lies in a file of its own (mmproj).',
      );
    }
    if (!used.has(tensor) && !graph.passedOver?.some((begin) => tensor.startsWith(begin))) {
      throw new UnsupportedModelError(
        `The file has a tensor ${tensor}, which windrow does not use in a ${graph.config.architecture} model; ignoring it could give wrong numbers.`,
      );
    }
  }
  for (const tensor of used) {
    if (!header.tensors.has(tensor)) throw new InvalidFileError(`The tensor ${tensor} is missing; a ${graph.config.architecture} model needs it.`);
  }
}

/** The kernels take the length of norms and biases from the metadata: a shorter one would be read past its end. */
function checkVectors(header: Header, graph: Graph): void {
  const { config, ropes } = graph;
  const check = (name: string, wanted: number[]) => {
    const { shape } = header.tensors.get(name)!;
    if (Array.from({ length: Math.max(shape.length, wanted.length) }, (_, i) => i).some((i) => (shape[i] ?? 1) !== (wanted[i] ?? 1))) {
      throw new InvalidFileError(
        `The tensor ${name} has shape [${shape.join(', ')}]; the metadata of this ${config.architecture} model asks for [${wanted.join(', ')}].`,
      );
    }
  };
  for (const op of opsOf(graph)) {
    for (const { tensor, length, shape = [length] } of vectorsOf(op, config)) check(tensor, shape);
    const refusal = refusalOf(op);
    if (refusal) throw new UnsupportedModelError(refusal);
  }
  for (const rope of ropes) for (const tensor of factorTensors(rope)) check(tensor, [rope.dims / 2]);
}
