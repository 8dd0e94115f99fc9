// How many weights a model has, and how many of them a token uses.
import { type Header } from '../gguf/header.ts';
import { type Graph, type Op } from './graph.ts';
import { type Experts } from './ops/rare/experts.ts';
import { type ExpertGates } from './ops/rare/expert-gates.ts';
import { type Neurons } from './ops/rare/neurons.ts';

/** Here, as what has the operation itself is loaded later than what counts and plans. */
export const isExperts = (op: Op): op is Experts => op.op === 'experts';

export interface Parameters {
  all: number;
  /** But for the experts that a token has not. */
  active: number;
}

export function parametersOf({ tensors }: Pick<Header, 'tensors'>, { layers }: Pick<Graph, 'layers'>): Parameters {
  const countOf = (name: string): number => tensors.get(name)!.shape.reduce((a, b) => a * b, 1);
  const all = [...tensors.keys()].reduce((sum, name) => sum + countOf(name), 0);
  const idle = layers.flat().flatMap((op) => expertTensorsOf(op) ?? []).map(({ tensors: names, used, count }) =>
    [...new Set(names)].reduce((sum, name) => sum + countOf(name), 0) * (1 - used / count));
  return { all, active: Math.round(all - idle.reduce((a, b) => a + b, 0)) };
}

/** The tensors of an operation of which a token uses those of some experts. */
function expertTensorsOf(op: Op): { tensors: string[]; used: number; count: number } | undefined {
  if (isExperts(op)) return { tensors: [op.gate.tensor, op.up.tensor, op.down.tensor], used: op.used, count: op.experts };
  const { op: kind, gate, used, experts: count } = op as ExpertGates;
  if (kind === 'expert-gates') return { tensors: [gate.tensor], used, count };
  const { down, gated, experts } = op as Partial<Neurons>;
  return experts && typeof experts === 'object' ? { tensors: [down!.tensor, gated!.up.tensor], ...experts } : undefined;
}
