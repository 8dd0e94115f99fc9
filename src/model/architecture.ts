// What a file in architectures/ provides, and what those files share: reading config keys so that none is overlooked.
import { UnsupportedModelError, InvalidFileError } from '../errors.ts';
import { getBoolean, getNumber, getString } from '../gguf/metadata.ts';
import { type Header, type MetadataValue } from '../gguf/header.ts';
import { type GateActivation } from '../protocol.ts';
import { type Graph, type ModelConfig, type Op, type RowRange } from './graph.ts';
import { mostVocab } from './sampling/buffers.ts';
import { embed } from './ops/embed.ts';
import { project } from './ops/project.ts';

export interface Architecture {
  /** `general.architecture` */
  name: string;
  /** Keys `{name}.*` that cannot change the result, without the prefix. */
  harmless: readonly string[];
  graph(file: ModelFile): Graph;
}

/** How a file is to be read, where there is a choice. */
export interface ModelFileOptions {
  /** All matrices by their rows, also those that could be read by single columns: as an older windrow stored them. */
  byRows?: boolean;
  /** Of experts with ReLU gates single neurons are items that are fetched, in place of whole experts. */
  neurons?: boolean;
  /** The activation of the gates of feed-forward layers, where the file does not say it (`relu`), whatever is usual. */
  activation?: GateActivation;
}

/** Metadata and tensors of one file; remembers which keys were read. */
export interface ModelFile extends ModelFileOptions {
  header: Header;
  /** Reads `{architecture}.{key}`, a finite number. Without a fallback the key is required. */
  number(key: string, fallback?: number): number;
  /** The same of a whole number from `least` to `most`. */
  count(key: string, range: { least?: number; most: number; fallback?: number }): number;
  /** Of each layer a whole number up to `most`, of a list or of one number for all. */
  counts(key: string, most: number): number[];
  string(key: string, fallback?: string): string;
  flag(key: string, fallback: boolean): boolean;
  /** A flag for each layer; undefined where the file has no list of them. */
  flags(key: string, layers: number): boolean[] | undefined;
  has(key: string): boolean;
  hasTensor(name: string): boolean;
  /** All rows of a matrix whose shape must be `cols` x `rows`. */
  matrix(name: string, cols: number, rows: number): RowRange;
  /** The same of `count` matrices of that shape in one tensor, one after the other. */
  matrices(name: string, cols: number, rows: number, count: number): RowRange;
  keysRead: ReadonlySet<string>;
}

export function openModelFile(header: Header, architecture: string, options: ModelFileOptions = {}): ModelFile {
  const keysRead = new Set<string>();
  const full = (key: string) => {
    keysRead.add(key);
    return `${architecture}.${key}`;
  };
  const number = (key: string, fallback?: number): number => {
    const value = perLayer(header.metadata.get(full(key)), full(key)) ?? getNumber(header.metadata, full(key), fallback);
    if (!Number.isFinite(value)) throw new InvalidFileError(`${full(key)} is ${value}; it has to be a finite number.`);
    return value;
  };
  const rowsOf = (name: string, shape: number[]): RowRange => {
    const tensor = header.tensors.get(name);
    if (!tensor) throw new InvalidFileError(`The tensor ${name} is missing; a ${architecture} model needs it.`);
    const found = Array.from({ length: Math.max(shape.length, tensor.shape.length) }, (_, i) => tensor.shape[i] ?? 1);
    if (found.some((size, i) => size !== (shape[i] ?? 1))) {
      throw new InvalidFileError(
        `The tensor ${name} has shape [${tensor.shape.join(', ')}]; the metadata of this ${architecture} model asks for [${shape.join(', ')}].`,
      );
    }
    return { tensor: name, firstRow: 0, rows: shape.slice(1).reduce((product, size) => product * size, 1) };
  };
  return {
    ...options,
    header,
    keysRead,
    number,
    count(key, { least = 1, most, fallback }) {
      const value = number(key, fallback);
      if (!Number.isInteger(value) || value < least || value > most)
        throw new InvalidFileError(`${full(key)} is ${value}; it has to be a whole number from ${least} to ${most}.`);
      return value;
    },
    counts(key, most) {
      const value = header.metadata.get(full(key));
      const layers = Math.min(number('block_count'), mostLayers);
      const list = typeof value === 'object' ? Array.from<unknown>(value) : Array.from({ length: layers }, (): unknown => value);
      if (list.length < layers || !list.every((each): each is number => Number.isInteger(each) && (each as number) >= 0 && (each as number) <= most))
        throw new InvalidFileError(`${full(key)} is a list of ${list.length}; needed is a whole number from 0 to ${most} for each of ${layers} layers.`);
      return list;
    },
    string: (key, fallback) => getString(header.metadata, full(key), fallback),
    flag: (key, fallback) => getBoolean(header.metadata, full(key), fallback),
    flags(key, layers) {
      const value = header.metadata.get(full(key));
      if (typeof value !== 'object') return undefined;
      const list = Array.from<unknown>(value);
      if (list.length !== layers || !list.every((each) => typeof each === 'boolean' || each === 0 || each === 1))
        throw new InvalidFileError(`${full(key)} is a list of ${list.length}; needed is true or false for each of ${layers} layers.`);
      return list.map(Boolean);
    },
    has: (key) => header.metadata.has(full(key)),
    hasTensor: (name) => header.tensors.has(name),
    matrix: (name, cols, rows) => rowsOf(name, [cols, rows]),
    matrices: (name, cols, rows, count) => rowsOf(name, [cols, rows, count]),
  };
}

const mostLayers = 4096;
/** What there is room for in the kernels of attention. */
export const mostHeadDim = 576;
/** More would not do in the arithmetic of u32 that the kernels have for positions. */
export const mostPositions = 2 ** 31;

/** The number that a list of one for each layer has for all of them; undefined for what is no list. */
function perLayer(value: MetadataValue | undefined, key: string): number | undefined {
  if (value === undefined || typeof value === 'string' || typeof value !== 'object' || value.length === 0) return undefined;
  const first: unknown = value[0];
  if (typeof first !== 'number') return undefined;
  const other = Array.prototype.findIndex.call(value, (each: unknown) => each !== first);
  if (other < 0) return first;
  throw new UnsupportedModelError(
    `The file's ${key} differs from layer to layer (${first} in the first, ${String(value[other])} in layer ${other}); windrow needs one number for all.`,
  );
}

interface ConfigOptions extends Partial<Pick<ModelConfig, 'heads' | 'kvHeads' | 'headDim' | 'ffn'>> {
  /** Of what is added to a mean square under a norm's root. */
  epsKey?: string;
  /** Every layer has experts: files then may leave out the width of feed-forward, which is 0. */
  expertsOnly?: boolean;
}

/** The sizes every architecture has, with the sanity that later arithmetic relies on; those that are given are not read. */
export function readConfig(file: ModelFile, architecture: string, options: ConfigOptions = {}): ModelConfig {
  const { epsKey = 'attention.layer_norm_rms_epsilon', expertsOnly, ...given } = options;
  const count = (key: string, most: number, fallback?: number): number => file.count(key, { most, fallback });
  const dim = count('embedding_length', 1 << 20);
  const layers = count('block_count', mostLayers);
  const heads = given.heads ?? count('attention.head_count', 4096);
  const kvHeads = given.kvHeads ?? count('attention.head_count_kv', heads, heads);
  const headDim = given.headDim ?? count('attention.key_length', 1024, Math.floor(dim / heads));
  const valueDim = given.headDim ?? count('attention.value_length', 1024, headDim);
  if (kvHeads > 0 && heads % kvHeads !== 0) throw new InvalidFileError(`${heads} query heads cannot share ${kvHeads} key/value heads evenly.`);
  if (headDim !== valueDim) throw new UnsupportedModelError(`Keys of ${headDim} and values of ${valueDim} dimensions per head; windrow needs them equal.`);
  if (headDim > mostHeadDim || headDim % 2) throw new UnsupportedModelError(`A head dimension of ${headDim}; windrow supports even ones up to ${mostHeadDim}.`);
  const embedding = file.header.tensors.get('token_embd.weight');
  if (!embedding) throw new InvalidFileError(`The tensor token_embd.weight is missing; a ${architecture} model needs it.`);
  const vocab = embedding.shape[1] ?? 0;
  if (vocab > mostVocab) throw new UnsupportedModelError(`A vocabulary of ${vocab} tokens; windrow supports up to ${mostVocab}.`);
  if (vocab < 1) throw new InvalidFileError(`token_embd.weight has shape [${embedding.shape.join(', ')}]; it needs ${dim} columns and a row per token.`);
  if (file.has('vocab_size') && file.number('vocab_size') !== vocab) {
    throw new InvalidFileError(`${architecture}.vocab_size is ${file.number('vocab_size')}, but token_embd.weight has ${vocab} rows.`);
  }
  const tokens = file.header.metadata.get('tokenizer.ggml.tokens');
  if (Array.isArray(tokens) && tokens.length !== vocab) {
    throw new InvalidFileError(
      `The vocabulary (tokenizer.ggml.tokens) has ${tokens.length} tokens, but token_embd.weight has ${vocab} rows; needed is one row for each ` +
      'token. The file is damaged, or was converted wrongly: get another one.',
    );
  }
  const eps = file.number(epsKey);
  if (!(eps > 0 && eps < 1)) throw new InvalidFileError(`${architecture}.${epsKey} is ${eps}; it has to lie between 0 and 1.`);
  return {
    architecture,
    layers,
    dim,
    heads,
    kvHeads,
    headDim,
    ffn: given.ffn ?? file.count('feed_forward_length', { most: 1 << 20, ...(expertsOnly ? { least: 0, fallback: 0 } : {}) }),
    vocab,
    context: count('context_length', mostPositions),
    eps,
  };
}

interface EndsOptions {
  embeddingScale?: number;
  logitScale?: number;
  softcap?: number;
  /** The last norm is a LayerNorm, maybe with a bias. */
  center?: boolean;
  normBias?: string;
  /** Its tensor. Default output_norm. */
  norm?: string;
}

/** The embedding lookup and the output matrix, which may be the same tensor ("tied"). */
export function ends(file: ModelFile, config: ModelConfig, given: EndsOptions = {}): Pick<Graph, 'embed' | 'head'> {
  const { embeddingScale, logitScale, norm = 'output_norm.weight', ...options } = given;
  file.matrix('token_embd.weight', config.dim, config.vocab);
  const output = file.hasTensor('output.weight') ? 'output.weight' : 'token_embd.weight';
  return {
    embed: embed({ table: 'token_embd.weight', scale: embeddingScale ?? 1, output: 'x' }),
    head: project({
      input: 'x', norm, cols: config.dim,
      matrices: [file.matrix(output, config.dim, config.vocab)], scale: logitScale, ...options, output: 'logits',
    }),
  };
}

export const blocks = (config: ModelConfig, block: (layer: number) => Op[]): Op[][] => Array.from({ length: config.layers }, (_, layer) => block(layer));

/** The name of a tensor that a file may have; undefined where it has none. */
export const optionalTensor = (file: ModelFile, name: string): string | undefined => (file.hasTensor(name) ? name : undefined);

/** ggml's name of the type of a tensor that the file has. */
export const typeOf = ({ header }: ModelFile, tensor: string): string => header.tensors.get(tensor)?.type ?? '';

const gateNames: Readonly<Record<string, GateActivation | undefined>> = { silu: 'silu', swish: 'silu', swiglu: 'silu', relu: 'relu', reglu: 'relu' };

/**
 * The activation of a llama's gates: as was asked for, else as the file says it by llama.cpp's key for such activations, else SiLU. llama.cpp reads
 * the key for other architectures alone, and no converter writes it for llamas that were retrained with a ReLU (ReluLLaMA): nothing else in those tells them.
 */
export function gateOf(file: ModelFile): GateActivation {
  const said = file.string('hidden_activation', '');
  const known = gateNames[said];
  if (said && !known)
    throw new UnsupportedModelError(`The file's hidden_activation is ${said}; supported are ${Object.keys(gateNames).join(', ')}.`);
  if (known && file.activation && known !== file.activation)
    throw new UnsupportedModelError(`The file says that its gates are ${said}; asked for is ${file.activation}. Leave that out.`);
  return file.activation ?? known ?? 'silu';
}

/** Names of the optional biases of these tensors, if the file has them: all or none. */
export function optionalBiases(file: ModelFile, names: string[]): string[] | undefined {
  const biases = names.map((name) => `${name}.bias`);
  return biases.some((name) => file.hasTensor(name)) ? biases : undefined;
}
