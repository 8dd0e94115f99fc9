// The second value of a load: what a model's header promises. The graph, where its weights lie, how it reads and writes
// text. Knows no device, no budget, no bytes of weights.
import { type Header } from '../../gguf/header.ts';
import { getString } from '../../gguf/metadata.ts';
import { type ModelFileOptions } from '../../model/architecture.ts';
import { type Graph } from '../../model/graph.ts';
import { type Section, sectionsOf, specsOf } from '../../model/sections.ts';
import { type ExpertsRead, type GateActivation, type LoadOptions } from '../../protocol.ts';
import { RequestError } from '../../errors.ts';
import { type ChatTemplate } from '../../text/template.ts';
import { type Tokenizer, createTokenizer, loadTokenizer } from '../../text/tokenizer/tokenizer.ts';
import { type Layout, hasColumns, layoutOf } from '../../weights/layout.ts';
import { type Manifest } from '../../weights/store/store.ts';
import { type OpenedAdapter } from './adapters.ts';

export interface OpenedModel {
  header: Header;
  graph: Graph;
  /** How the graph is stored, and what its operations are in each section. */
  sections: Section[];
  layout: Layout;
  /** Whose matrices are added to its own, if there are any; they lie behind all else of the layout. */
  adapters?: readonly OpenedAdapter[];
  /** What gates go through, where that is another activation than the file alone has: another model, as far as numbers go. */
  activation?: GateActivation;
}

/** What a header alone tells; architectures are a chunk of their own. Throws for files that windrow cannot run. */
export async function openModel(header: Header, options?: ModelFileOptions): Promise<OpenedModel> {
  await loadTokenizer(header.metadata);
  const { buildGraph } = await import('../../model/build.ts');
  const graph = buildGraph(header, options);
  const sections = sectionsOf(graph);
  const other = options?.activation === 'relu' && !getString(header.metadata, 'llama.hidden_activation', '');
  return { header, graph, sections, layout: layoutOf(header, specsOf(sections)), ...(other && { activation: options.activation }) };
}

/** A chunk of its own: most models are loaded without adapters. */
export const adapting = () => import('./adapters.ts');

/** A model with the adapters that are asked for. */
export const openedWith = async (opened: OpenedModel, { adapters = [], hub }: Pick<LoadOptions, 'adapters' | 'hub'>): Promise<OpenedModel> =>
  (adapters.length ? (await adapting()).openAdapters(opened, adapters, hub) : opened);

/** As a model is stored, if it is: by an older windrow all of it by rows, which then is read so. Else as a load asks for it. */
export const readAs = (
  manifest?: Pick<Manifest, 'columns' | 'activation'>, { experts, activation = manifest?.activation }: Pick<LoadOptions, 'experts' | 'activation'> = {},
): ModelFileOptions => ({
  byRows: manifest !== undefined && !manifest.columns,
  neurons: manifest ? manifest.columns === true : experts === 'neurons',
  ...(activation && { activation }),
});

type HowRead = Pick<LoadOptions, 'experts' | 'activation' | 'adapters'>;

/**
 * A model as it is stored, else as a load asks for it, or an import of it that was begun. With adapters that is by rows, to which those are added.
 * RequestError where it is stored, or made, otherwise than is asked for.
 */
export async function openAs(header: Header, kept: Manifest | undefined, options: HowRead): Promise<OpenedModel> {
  checkHow(options);
  const { experts: asked } = options;
  const manifest = kept?.complete ? kept : undefined;
  const opened = await openModel(header, manifest || !kept ? readWith(manifest, options) : readWith(undefined, asBegun(kept, options)));
  if (asked && (asked === 'neurons') !== hasExpertNeurons(opened.graph)) throw await expertsRefusal(header, asked, manifest);
  if (manifest && Boolean(manifest.columns) !== hasColumns(opened.layout))
    throw new RequestError(
      `The model ${manifest.name} is stored to be read by single neurons, of gates that go through a ReLU; asked for is the activation ` +
      `${options.activation}. Leave \`activation\` out, or delete the model and load it from its source.`,
    );
  return opened;
}

const readWith = (manifest: Manifest | undefined, options: HowRead): ModelFileOptions =>
  (manifest || !options.adapters?.length ? readAs(manifest, options) : { ...readAs(manifest, options), byRows: true });

const asBegun = ({ columns, activation }: Manifest, options: HowRead): HowRead => ({
  ...options, experts: options.experts ?? (columns ? 'neurons' : undefined), activation: options.activation ?? activation,
});

/** RequestError for words that are none of the options', which not every caller has checked. */
function checkHow({ experts, activation }: HowRead): void {
  if (experts !== undefined && !['whole', 'neurons'].includes(experts))
    throw new RequestError(`experts is "${String(experts)}"; it must be one of whole, neurons.`);
  if (activation !== undefined && !['silu', 'relu'].includes(activation))
    throw new RequestError(`activation is "${String(activation)}"; it must be one of silu, relu.`);
}

const hasExpertNeurons = ({ layers }: Graph): boolean => layers.flat().some(({ op }) => op === 'expert-gates');

async function expertsRefusal(header: Header, asked: ExpertsRead, manifest?: Manifest): Promise<RequestError> {
  const none = asked === 'neurons' && !(manifest && hasExpertNeurons((await openModel(header, { neurons: true })).graph));
  return new RequestError(none
    ? 'Single neurons of experts are asked for, which this model does not have: they are those of experts with ReLU gates (smallthinker) whose ' +
      'matrices up and down have the types Q8_0, Q4_0, F16 or F32. Leave `experts` out.'
    : `The model ${manifest?.name} is stored to be read by ${asked === 'neurons' ? 'whole experts' : 'single neurons'}. Leave \`experts\` out, or ` +
      'delete it and load it from its source.');
}

export interface Text {
  tokenizer: Tokenizer;
  template: ChatTemplate;
}

/**
 * How the model's text becomes tokens and back, apart since plans need neither; undefined for a file without a tokenizer. What runs templates is a
 * chunk of its own, that the worker tells what is stored before it is there.
 */
export async function textOf({ header }: OpenedModel): Promise<Text | undefined> {
  if (!header.metadata.has('tokenizer.ggml.model')) return undefined;
  const { createTemplate } = await import('../../text/template.ts');
  const tokenizer = createTokenizer(header.metadata);
  return { tokenizer, template: createTemplate(header.metadata, tokenizer) };
}

/** As the file says, else that of the file. */
export const nameOf = ({ metadata }: Header, fileName: string): string =>
  getString(metadata, 'general.name', '').trim() || (fileName.split('/').at(-1) ?? fileName);
