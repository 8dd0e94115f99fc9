// How many weights a model has, and how many of them a token uses.
import { type Header } from '../gguf/header.ts';
import { type Graph, type Op } from './graph.ts';
import { type Experts } from './ops/rare/experts.ts';

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
  const idle = layers.flat().filter(isExperts).map(({ gate, up, down, experts, used }) =>
    [...new Set([gate.tensor, up.tensor, down.tensor])].reduce((sum, name) => sum + countOf(name), 0) * (1 - used / experts));
  return { all, active: Math.round(all - idle.reduce((a, b) => a + b, 0)) };
}
