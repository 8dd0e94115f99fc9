// LoRA adapters (Hu et al., arXiv 2106.09685) as llama.cpp's convert_lora_to_gguf.py writes them: read, compared with a model, and made a
// part of its graph. What an adapter has that cannot be applied refuses it by name. A chunk of its own: most models are loaded without one.
import { InvalidFileError, RequestError, UnsupportedModelError } from '../errors.ts';
import { formats, typeNames } from '../formats/catalogue.ts';
import { type Header, type TensorInfo } from '../gguf/header.ts';
import { getNumber, getString } from '../gguf/metadata.ts';
import { type Graph, type Op } from './graph.ts';
import { opsOf, tensorsOf } from './operations.ts';
import { type LowRank, type Project, isProject } from './ops/project.ts';
import { type Neurons } from './ops/rare/neurons.ts';

export interface AdapterFile {
  /** For messages. */
  name: string;
  header: Header;
  /** Multiplies what it adds. */
  scale: number;
}

/** The two matrices that are added to one of the model's: `down` (rank, columns), `up` (rows, rank). */
interface Pair {
  tensor: string;
  down: TensorInfo;
  up: TensorInfo;
}

/** Keys `adapter.*` that say nothing of how it is applied, or are read here. */
const knownKeys = new Set(['adapter.type', 'adapter.lora.alpha', 'adapter.lora.task_name', 'adapter.lora.prompt_prefix']);

/** A tensor of adapter number `index`, as it is called among those of the model. */
const nameAmong = (index: number, tensor: string): string => `adapter.${index}.${tensor}`;

/**
 * The graph of a model with adapters, and its header with their tensors; of each adapter its own header, whose tensors have those names.
 * UnsupportedModelError, InvalidFileError and RequestError for what cannot be applied.
 */
export function adapt(graph: Graph, header: Header, adapters: readonly AdapterFile[]): { graph: Graph; header: Header; own: Header[] } {
  const own = adapters.map((adapter, index) => {
    const tensors = [...adapter.header.tensors.values()].map((tensor) => ({ ...tensor, name: nameAmong(index, tensor.name) }));
    return { ...adapter.header, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) };
  });
  const tensors = new Map([header, ...own].flatMap((each) => [...each.tensors]));
  const adapted = adapters.reduce((before, adapter, index) => {
    checkKind(adapter, header);
    const pairs = pairsOf(adapter);
    pairs.forEach((pair) => checkFit(adapter, pair, graph, header));
    return withAdapter(before, adapter, index, new Map(pairs.map((pair) => [pair.tensor, pair])));
  }, graph);
  return { graph: adapted, header: { ...header, tensors }, own };
}

function checkKind({ name, header: { metadata }, scale }: AdapterFile, model: Header): void {
  const type = getString(metadata, 'general.type', 'model');
  if (type !== 'adapter')
    throw new UnsupportedModelError(`${name} is of the type "${type}", not an adapter. Load a model as the model, not as an adapter of one.`);
  const kind = getString(metadata, 'adapter.type', '');
  if (kind !== 'lora') throw new UnsupportedModelError(`The adapter ${name} is of the kind "${kind}"; windrow applies those of the kind "lora".`);
  const [made, has] = [metadata, model.metadata].map((each) => getString(each, 'general.architecture'));
  if (made !== has)
    throw new UnsupportedModelError(`The adapter ${name} is for the architecture "${made}"; the model is of "${has}". Choose an adapter that was made for it.`);
  for (const key of metadata.keys()) {
    if (key.startsWith('adapter.') && !knownKeys.has(key))
      throw new UnsupportedModelError(`The adapter ${name} sets ${key}, which windrow does not implement; ignoring it could give wrong numbers.`);
  }
  if (!Number.isFinite(scale)) throw new RequestError(`The scale of the adapter ${name} is ${scale}; it has to be a number.`);
}

/** All tensors of an adapter, by what they are added to. */
function pairsOf({ name, header: { tensors } }: AdapterFile): Pair[] {
  const found = new Map<string, Partial<Pair>>();
  for (const tensor of tensors.values()) {
    const [, base, letter] = /^(.+)\.lora_([ab])$/.exec(tensor.name) ?? [];
    if (base === undefined)
      throw new UnsupportedModelError(`The adapter ${name} has a tensor ${tensor.name}, which windrow does not apply; ignoring it could give wrong numbers.`);
    if (!formats.has(tensor.type))
      throw new UnsupportedModelError(`The tensor ${tensor.name} of the adapter ${name} has the type ${tensor.type}. Supported are ${typeNames.join(', ')}.`);
    found.set(base, { ...found.get(base), [letter === 'a' ? 'down' : 'up']: tensor });
  }
  if (!found.size) throw new InvalidFileError(`The adapter ${name} has no tensors.`);
  return [...found].map(([tensor, { down, up }]) => {
    if (!down || !up) throw new InvalidFileError(`The adapter ${name} has one tensor for ${tensor} alone: ${tensor}.lora_${down ? 'b' : 'a'} is missing.`);
    return { tensor, down, up };
  });
}

function checkFit({ name }: AdapterFile, { tensor, down, up }: Pair, graph: Graph, header: Header): void {
  const base = header.tensors.get(tensor);
  if (!base) throw new UnsupportedModelError(`The adapter ${name} has matrices for ${tensor}, which the model does not have. It was made for another model.`);
  const ops = opsOf(graph);
  const isIn = (op: Op) => tensorsOf(op, graph.config).includes(tensor);
  const isFactor = (op: Op) => isProject(op) && op.matrices.some((matrix) => matrix.tensor === tensor);
  if (ops.some((op) => isIn(op) && op.op === 'neurons' && !(op as Neurons).experts))
    throw new RequestError(
      `The adapter ${name} has matrices for ${tensor}, of which the stored model is read by single neurons: nothing is added to those. Delete the model ` +
      'and load it from its source with the adapter, so that it is stored by rows, or choose an adapter without them.',
    );
  const capped = ops.some((op) => isFactor(op) && (op as Project).softcap !== undefined);
  if (!ops.some(isFactor) || ops.some((op) => isIn(op) && !isFactor(op)) || capped)
    throw new UnsupportedModelError(
      `The adapter ${name} has matrices for ${tensor}, to which windrow adds none: only to matrices that multiply all tokens alone, so not to ` +
      'experts, input embeddings, or an output matrix whose logits are capped. Choose an adapter without them.',
    );
  const [cols, rows] = base.shape;
  const rank = up.shape[0];
  checkShape(name, down, [cols, rank]);
  checkShape(name, up, [rank, rows]);
}

function checkShape(name: string, { name: tensor, shape }: TensorInfo, needed: readonly number[]): void {
  if (shape.length > 2 || needed.some((size, i) => (shape[i] ?? 1) !== size))
    throw new InvalidFileError(
      `The tensor ${tensor} of the adapter ${name} has shape [${shape.join(', ')}]; with this model it needs [${needed.join(', ')}]. ` +
      'Choose an adapter that was made for this model.',
    );
}

function withAdapter(graph: Graph, { header: { metadata }, scale }: AdapterFile, adapter: number, pairs: ReadonlyMap<string, Pair>): Graph {
  const alpha = getNumber(metadata, 'adapter.lora.alpha', 0);
  const withPairs = <O extends Op>(op: O): O => {
    if (!isProject(op)) return op;
    const added = op.matrices.flatMap(({ tensor, firstRow, rows }, matrix): LowRank[] => {
      const pair = pairs.get(tensor);
      if (!pair) return [];
      const rank = pair.up.shape[0];
      return [{
        matrix, adapter, scale: alpha ? (scale * alpha) / rank : scale, // as llama.cpp has it: without alpha the scale alone
        down: { tensor: nameAmong(adapter, pair.down.name), firstRow: 0, rows: rank },
        up: { tensor: nameAmong(adapter, pair.up.name), firstRow, rows },
      }];
    });
    return added.length ? { ...op, adapted: [...(op.adapted ?? []), ...added] } : op;
  };
  return { ...graph, layers: graph.layers.map((ops) => ops.map(withPairs)), head: withPairs(graph.head) };
}
