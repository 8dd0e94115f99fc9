// How a model is stored and run: the embedding (of some models two), a section per layer, the head. Each operation knows the stacks of its
// matrices; an output matrix that is the embedding's (a "tied" one) is a reference to that, stored once. Behind them a section for the matrices
// of each adapter, to which the operations refer that they are added to.
import { type Graph, type Op } from './graph.ts';
import { type ColumnsSpec, type PoolSpec, type StackSpec, storedPool } from './operation.ts';
import { poolOf, stacksOf, vectorsOf } from './operations.ts';

export type Role = { kind: 'embedding' } | { kind: 'layer'; layer: number } | { kind: 'head' } | { kind: 'adapter'; adapter: number };

/** Where the matrices of a stack are stored: in the stack of that index of a section. */
export interface StackRef {
  section: number;
  stack: number;
}

/** An operation and where its matrices are. */
export interface PlacedOp {
  op: Op;
  stacks: StackRef[];
  /** The section whose pool is the operation's. */
  pool?: number;
}

export interface Section {
  role: Role;
  name: string;
  ops: PlacedOp[];
  /** Small tensors of its operations, each once. */
  vectors: string[];
  /** What is stored here. */
  stored: StackSpec[];
  /** What is stored here behind it: of one operation at most. */
  pool?: PoolSpec;
}

/** In the order of use. */
export function sectionsOf({ config, embed, ownEmbed, layers, head }: Pick<Graph, 'config' | 'embed' | 'ownEmbed' | 'layers' | 'head'>): Section[] {
  const sections: Section[] = [];
  const table: StackRef = { section: 0, stack: 0 };
  const firstAdapter = layers.length + (ownEmbed ? 3 : 2);
  const adapters: StackSpec[][] = [];
  const put = (specs: StackSpec[], section: number, spec: StackSpec): StackRef => ({ section, stack: specs.push(spec) - 1 });
  const add = (role: Role, name: string, ops: Op[]) => {
    const section = sections.length;
    const stored: StackSpec[] = [];
    const pools = ops.flatMap((op) => poolOf(op, config) ?? []);
    if (pools.length > 1) throw new Error(`The section ${name} has ${pools.length} pools; there is room for one.`);
    const placed = ops.map((op): PlacedOp => {
      if (op === head && isTied({ embed, head })) return { op, stacks: [table] };
      const stacks = stacksOf(op, config).map((spec) =>
        (spec.adapter === undefined ? put(stored, section, spec) : put((adapters[spec.adapter] ??= []), firstAdapter + spec.adapter, spec)));
      return { op, stacks, ...(poolOf(op, config) && { pool: section }) };
    });
    const vectors = [...new Set(ops.flatMap((op) => vectorsOf(op, config).map(({ tensor }) => tensor)))];
    sections.push({ role, name, ops: placed, vectors, stored, pool: pools[0] });
  };
  add({ kind: 'embedding' }, 'embedding', [embed]);
  if (ownEmbed) add({ kind: 'embedding' }, 'embedding.own', [ownEmbed]);
  layers.forEach((ops, layer) => add({ kind: 'layer', layer }, `layer.${layer}`, ops));
  add({ kind: 'head' }, 'head', [head]);
  adapters.forEach((stored, adapter) => sections.push({ role: { kind: 'adapter', adapter }, name: `adapter.${adapter}`, ops: [], vectors: [], stored }));
  return sections;
}

/** Whether the output matrix is the embedding, stored and counted once. */
export const isTied = ({ embed, head }: Pick<Graph, 'embed' | 'head'>): boolean => head.matrices[0].tensor === embed.table;

/** Indices of the sections of which rows are looked up. */
export const tablesOf = (sections: readonly Section[]): number[] => sections.flatMap(({ role }, index) => (role.kind === 'embedding' ? [index] : []));

/** Indices of the sections of adapters, which are small and read beside all others: they stay. */
export const adaptersOf = (sections: readonly Section[]): number[] => sections.flatMap(({ role }, index) => (role.kind === 'adapter' ? [index] : []));

/** Indices of the sections whose matrices are read for every token, in the order of use: layers, then where the output matrix is. */
export function streamable(sections: readonly Section[]): number[] {
  const after = sections.flatMap(({ role }, index) => (role.kind === 'layer' || role.kind === 'head' ? [index] : []));
  const read = new Set(after.flatMap((index) => sections[index].ops.flatMap(({ stacks }) => stacks.map(({ section }) => section))));
  return [...after, ...[...read].filter((index) => !after.includes(index) && sections[index].role.kind !== 'adapter')];
}

/** The layer that a section is; undefined for the embedding and the head. */
export const layerOf = ({ role }: Section): number | undefined => (role.kind === 'layer' ? role.layer : undefined);

/** What is stored of each section, as src/weights takes it. */
export const specsOf = (
  sections: readonly Section[],
): { name: string; vectors: string[]; stacks: StackSpec[]; pool?: StackSpec[][]; columns?: ColumnsSpec }[] =>
  sections.map(({ name, vectors, stored, pool }) => ({
    name, vectors, stacks: stored, ...(pool && storedPool(pool)),
  }));
