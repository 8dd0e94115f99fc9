// From a GGUF header to a graph, refusing what would be silently ignored.
import { InvalidFileError, UnsupportedModelError } from '../errors.ts';
import { formats } from '../formats/catalogue.ts';
import { type Header } from '../gguf/header.ts';
import { getNumber, getString } from '../gguf/metadata.ts';
import { type Architecture, openModelFile } from './architecture.ts';
import { gemma3 } from './architectures/gemma3.ts';
import { llama } from './architectures/llama.ts';
import { phi3 } from './architectures/phi3.ts';
import { qwen2 } from './architectures/qwen2.ts';
import { qwen3 } from './architectures/qwen3.ts';
import { type Graph, type Op } from './graph.ts';

export const architectures: ReadonlyMap<string, Architecture> = new Map([llama, qwen2, qwen3, gemma3, phi3].map((a) => [a.name, a]));

// Keys that no architecture's result depends on; YaRN reads the second where it applies.
const harmlessKeys = ['rope.scaling.finetuned', 'rope.scaling.original_context_length', 'tensor_data_layout', 'vocab_size'];

/** Throws UnsupportedModelError for anything in the file that the result would depend on and windrow does not implement. */
export function buildGraph(header: Header): Graph {
  const name = getString(header.metadata, 'general.architecture');
  const architecture = architectures.get(name);
  if (!architecture) {
    throw new UnsupportedModelError(`The architecture "${name}" is not supported. Supported are ${[...architectures.keys()].join(', ')}.`);
  }
  if (!header.tensors.size) throw new InvalidFileError('The file has no tensors: it is a vocabulary without a model.');
  const splits = getNumber(header.metadata, 'split.count', 1);
  if (splits > 1) throw new UnsupportedModelError(`The file is one of ${splits} parts of a split model. Join them first (llama-gguf-split --merge).`);
  const file = openModelFile(header, name);
  const graph = architecture.graph(file);
  refuseUnknownKeys(header, architecture, file.keysRead);
  refuseUnusedTensors(header, graph);
  for (const tensor of header.tensors.values()) {
    if (!formats.has(tensor.type)) {
      throw new UnsupportedModelError(`The tensor ${tensor.name} has the type ${tensor.type}. Supported are ${[...formats.keys()].join(', ')}.`);
    }
  }
  return graph;
}

function refuseUnknownKeys(header: Header, { name, harmless }: Architecture, read: ReadonlySet<string>): void {
  for (const [key, value] of header.metadata) {
    if (!key.startsWith(`${name}.`)) continue;
    const short = key.slice(name.length + 1);
    const off = value === 0 || value === false; // expert_count = 0 and the like
    if (!off && !read.has(short) && !harmless.includes(short) && !harmlessKeys.includes(short)) {
      throw new UnsupportedModelError(`The file sets ${key} = ${String(value).slice(0, 60)}, which windrow does not implement for ${name}; ignoring it could give wrong numbers.`);
    }
  }
}

function refuseUnusedTensors(header: Header, graph: Graph): void {
  const used = new Set([...graph.hostTensors, ...[graph.embed, ...graph.layers.flat(), graph.head].flatMap(tensorsOf)]);
  for (const tensor of header.tensors.keys()) {
    if (!used.has(tensor)) {
      throw new UnsupportedModelError(`The file has a tensor ${tensor}, which windrow does not use in a ${graph.config.architecture} model; ignoring it could give wrong numbers.`);
    }
  }
  for (const tensor of used) {
    if (!header.tensors.has(tensor)) throw new InvalidFileError(`The tensor ${tensor} is missing; a ${graph.config.architecture} model needs it.`);
  }
}

/** Names of the vectors (norms, biases) of an operation. */
export function vectorsOf(op: Op): string[] {
  switch (op.op) {
    case 'project': return [op.norm, ...(op.bias ?? [])].filter((name) => name !== undefined);
    case 'rope': return [op.queryNorm, op.keyNorm].filter((name) => name !== undefined);
    case 'norm-add': return [op.weight];
    default: return [];
  }
}

/** Names of all tensors of an operation. */
export function tensorsOf(op: Op): string[] {
  const matrices = op.op === 'project' ? op.matrices.map((m) => m.tensor) : op.op === 'embed' ? [op.table] : [];
  return [...vectorsOf(op), ...matrices];
}
