// The second value of a load: what a model's header promises. The graph, where its weights lie, how it reads and writes
// text. Knows no device, no budget, no bytes of weights.
import { type Header } from '../../gguf/header.ts';
import { getString } from '../../gguf/metadata.ts';
import { type ModelFileOptions } from '../../model/architecture.ts';
import { type Graph } from '../../model/graph.ts';
import { type Section, sectionsOf, specsOf } from '../../model/sections.ts';
import { type ExpertsRead, type LoadOptions } from '../../protocol.ts';
import { RequestError } from '../../errors.ts';
import { type ChatTemplate } from '../../text/template.ts';
import { type Tokenizer, createTokenizer, loadTokenizer } from '../../text/tokenizer/tokenizer.ts';
import { type Layout, layoutOf } from '../../weights/layout.ts';
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
}

/** What a header alone tells; architectures are a chunk of their own. Throws for files that windrow cannot run. */
export async function openModel(header: Header, options?: ModelFileOptions): Promise<OpenedModel> {
  await loadTokenizer(header.metadata);
  const { buildGraph } = await import('../../model/build.ts');
  const graph = buildGraph(header, options);
  const sections = sectionsOf(graph);
  return { header, graph, sections, layout: layoutOf(header, specsOf(sections)) };
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

/** A model as it is stored, else as a load asks for it. RequestError where it is stored, or made, otherwise than is asked for. */
export async function openAs(header: Header, manifest: Manifest | undefined, options: Pick<LoadOptions, 'experts' | 'activation'>): Promise<OpenedModel> {
  const opened = await openModel(header, readAs(manifest, options));
  const { experts: asked } = options;
  if (asked && (asked === 'neurons') !== hasExpertNeurons(opened.graph)) throw expertsRefusal(asked, manifest);
  return opened;
}

const hasExpertNeurons = ({ layers }: Graph): boolean => layers.flat().some(({ op }) => op === 'expert-gates');

const expertsRefusal = (asked: ExpertsRead, manifest?: Manifest): RequestError =>
  new RequestError(asked === 'neurons' && !manifest
    ? 'Single neurons of experts are asked for, which this model does not have: they are those of experts with ReLU gates (smallthinker) whose ' +
      'matrices up and down have the types Q8_0, Q4_0, F16 or F32. Leave `experts` out.'
    : `The model ${manifest?.name} is stored to be read by ${asked === 'neurons' ? 'whole experts' : 'single neurons'}. Leave \`experts\` out, or ` +
      'delete it and load it from its source.');

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
