// Products of a layer that follow each other in decode (the output projection where it joins splits, gate and up, down) and share a bind group: setting
// one costs the host as much as a dozen bindings. Their shaders declare the same bindings (shaders/parts/among); gpu/program.ts finds that they are equal.
import { type Dispatch } from '../../gpu/program.ts';
import { type RecordContext } from '../operation.ts';
import { joinedIn } from './decode-attention.ts';
import { type MatrixPart } from './products.ts';

/** Which of them a product is, and the activation buffers that they have in common. */
export interface Shares {
  role: 'back' | 'up' | 'down';
  /** What `back` and `down` add to, and `up` reads. */
  residual: string;
  /** What `up` writes, and `down` reads. */
  hidden: string;
  /** The attention whose splits `back` may join: only then is it among them. */
  joins?: Parameters<typeof joinedIn>[0];
}

/** What a product that shares its bind group is recorded with in place of what it would have alone. */
export interface Shared {
  /** Shader files. */
  files: string[];
  bindings: Dispatch['bindings'];
  /** Word of the weights at which its first panel begins. */
  first: number;
}

/**
 * How a part of a product shares a bind group, by the buffers of all that do; undefined where it has one for itself: where its weights are in no
 * binding with all else of the layer, or nothing joins splits of which the first of them is to.
 */
export function sharedBy(shares: Shares | undefined, { whole }: MatrixPart, context: RecordContext): Shared | undefined {
  if (!shares || !whole) return undefined;
  const { buffers } = context.activations;
  const { role, residual, hidden, joins } = shares;
  const isFirst = joins !== undefined && joinedIn(joins, context) !== undefined;
  if (role === 'back' && !isFirst) return undefined;
  const own: Dispatch['bindings'] = {
    back: { input: buffers.partials, output: buffers[residual], hidden: buffers[hidden] },
    up: { input: buffers[residual], output: buffers[hidden], splits: buffers.partials },
    down: { input: buffers[hidden], output: buffers[residual], splits: buffers.partials },
  }[role];
  return {
    files: ['vectors/some', `among/${role}`, ...(isFirst && role !== 'back' ? ['among/splits'] : [])],
    bindings: { ...own, weights: whole.binding, words: whole.binding },
    first: whole.first / 4,
  };
}
