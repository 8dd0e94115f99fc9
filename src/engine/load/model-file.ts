// A model of which the header is read, and how it is to be loaded.
import { type Header } from '../../gguf/header.ts';
import { type Gpu } from '../../gpu/device.ts';
import { type KernelCache } from '../../gpu/kernels.ts';
import { type Ledger } from '../../gpu/ledger.ts';
import { type ActivationSizes } from '../../model/activations.ts';
import { buildGraph } from '../../model/build.ts';
import { type Graph } from '../../model/graph.ts';
import { type Section, sectionsOf, specsOf } from '../../model/sections.ts';
import { type KernelChoice } from '../../model/kernel-choice.ts';
import { kvFormat } from '../../kv/formats/catalogue.ts';
import { type KvFormat } from '../../kv/formats/format.ts';
import { type LoadOptions, type StoreCost } from '../../protocol.ts';
import { type Layout, layoutOf } from '../../weights/layout.ts';
import { type Plan, plan } from './plan.ts';
import { type TuneTarget } from '../measure/tune.ts';

export interface OpenedModel {
  header: Header;
  graph: Graph;
  /** How the graph is stored, and what its operations are in each section. */
  sections: Section[];
  layout: Layout;
}

/** What a header alone tells. Throws for files that windrow cannot run. */
export function openModel(header: Header): OpenedModel {
  const graph = buildGraph(header);
  const sections = sectionsOf(graph);
  return { header, graph, sections, layout: layoutOf(header, specsOf(sections)) };
}

/** What tests may change of how a model runs. */
export type Chosen = Pick<ModelOptions, 'choice' | 'kv'>;

export interface ModelOptions extends ActivationSizes {
  budgetBytes: number;
  /** Of a loaded model with the length of its steps, which its buffers may be longer than. */
  choice: KernelChoice;
  /** How keys and values are kept. */
  kv: KvFormat;
  /** Kernels that may be compiled already. */
  kernels?: KernelCache;
  /** Chooses others than `choice` and `kv`. */
  choose?: {
    /** What the model is planned with, by what earlier tests told: nothing is run. `ledger` is that of the load. */
    first(ledger: Ledger): Promise<Chosen>;
    tune(target: TuneTarget): Promise<KernelChoice>;
    /** Tests all kernels of shapes. If it changes the format of keys and values, the model is to be planned again, from \`first\` on. `room` is asked for where to book buffers, only if there is something to test; `again`: some of what passed at an earlier load is, and everything if that fails now. */
    prove(chosen: Chosen, room: () => Ledger, arrived?: Promise<void>): Promise<Chosen>;
  };
  /** Most bytes of streamed weights that stay in worker memory. Default 256 MiB. */
  ramBytes?: number;
  /** `naive` reads, uploads, waits and computes in turn, to measure what reading ahead is worth. */
  loader?: 'ahead' | 'naive';
  /** What reads of streamed weights cost: their size and how far ahead they are made follow from it. Default: a guess. */
  storeCost?: StoreCost;
  /** Milliseconds added to reads of streamed weights, per byte, as by a slower device. */
  readDelay?: number;
  /** Tokens per submit while decoding, at most 16, however long that takes. Default: by measured time. */
  tokensPerSubmit?: number;
}

/** The format of keys and values that a load asks for; RequestError if there is none of that name. */
export const kvFormatFor = ({ f32 = false, kv = f32 ? 'f32' : 'f16' }: Pick<LoadOptions, 'f32' | 'kv'>): KvFormat => kvFormat(kv);

/** The plan for a model on this device. */
export const planFor = (gpu: Gpu, opened: OpenedModel, options: ModelOptions): Plan =>
  plan(opened, { ...options, maxBufferBytes: gpu.device.limits.maxBufferSize, maxBindingBytes: gpu.maxBindingBytes });
