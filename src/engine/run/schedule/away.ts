// What steps have to wait for where pages of keys and values are at home in worker memory (src/kv/tiers): before a step for what was chosen for it,
// before each layer of several rows for that layer; within a token, where the processor attends too, for what it gives. Knows no policy.
import { type Step } from '../../../gpu/program.ts';
import { type Sequence } from '../../../kv/sequence.ts';
import { isAttend } from '../../../model/ops/attend.ts';
import { type Section } from '../../../model/sections.ts';
import { noteFailed } from './failed.ts';
import { type Last, type Piece } from './submits.ts';

interface Part {
  section?: number;
  asks?: number;
  joins?: number;
}

export interface AwaySteps {
  /** To be awaited before a part is submitted: several rows find the layer whole that it reads, a row the processor's answer that it joins. */
  before(part: Part): Promise<void>;
  /** Whether parts read layers of which one takes the place of the other, or the processor is to answer between them: then they cannot be in one submit. */
  divides(before: Part, after: Part): boolean;
  /** What is done with a submit that a part comes behind, if there is something. */
  between(next: Part): Last | undefined;
  /** What is done with the last submit, and then with what its rows chose. */
  behind(last: Last | undefined): Last;
}

/**
 * The pieces of a step. Of several sequences that the processor answers each attends and joins in its turn, as they share scratch: what attends and what joins
 * is one piece then, behind all answers.
 */
export function inTurns<P extends Part & Pick<Piece, 'program'>>(pieces: readonly P[], steps: readonly Step[]): readonly P[] {
  if (steps.length < 2) return pieces;
  return pieces.flatMap((piece, i) => {
    if (piece.joins !== undefined) return [];
    if (pieces[i + 1]?.joins === undefined) return [piece];
    const { joins, program: join } = pieces[i + 1];
    const encode = (pass: GPUComputePassEncoder, given: Step | readonly Step[]): void => {
      for (const step of [given].flat() as Step[]) for (const each of [piece.program, join]) each.encode(pass, step);
    };
    return [{ ...piece, joins, program: { encode } }];
  });
}

/**
 * Once what was chosen for a step of a token is there; undefined where no sequence of it has such pages, or nothing that is run attends. `signal`: with
 * whose reason this and `before` reject while the processor attends.
 */
export async function awayFor(
  steps: readonly Step[], sections: readonly Section[], parts: readonly Part[], signal?: AbortSignal,
): Promise<AwaySteps | undefined> {
  const own = steps.flatMap(({ of, rows, length }) => {
    const away = (of as Sequence | undefined)?.shaped?.away;
    return away ? [{ away, rows, position: length - 1, of: of as Sequence }] : [];
  });
  const layerOf = ({ section }: Part) => (section === undefined ? undefined : sections[section]?.ops.map(({ op }) => op).find(isAttend)?.layer);
  if (!own.length || !parts.some((part) => layerOf(part) !== undefined)) return undefined;
  const alone = own.filter(({ rows }) => rows === 1);
  // Several rows read all, whatever was chosen.
  for (const { away, of, position } of alone) await orEmptied(of, away.ready(position, signal), { note: noteFailed, signal });
  const prompts = own.filter(({ rows }) => rows > 1);
  let there: number | undefined; // the layer that is whole
  return {
    async before(part) {
      for (const { away, of } of part.joins === undefined ? [] : alone)
        if (away.answers) await orEmptied(of, away.answers.answer(part.joins!, signal), { signal });
      const layer = layerOf(part);
      if (layer === undefined || layer === there) return;
      for (const { away, of } of prompts) await orEmptied(of, away.bringWhole(layer));
      there = layer;
    },
    divides: (before, after) =>
      (prompts.length > 0 && layerOf(after) !== undefined && layerOf(after) !== layerOf(before)) ||
      ((after.asks ?? after.joins) !== undefined && alone.some(({ away }) => away.answers?.asks)),
    between: ({ asks }) => asks === undefined ? undefined : {
      encode: (encoder) => alone.forEach(({ away, position }) => away.answers?.ask(encoder, asks, position)),
      submitted: () => alone.forEach(({ away }) => away.answers?.asked(signal)),
    },
    behind: (last) => ({
      encode(encoder) {
        last?.encode(encoder);
        alone.forEach(({ away, position }) => away.note(encoder, position));
      },
      submitted() {
        last?.submitted();
        alone.forEach(({ away }) => away.submitted());
      },
    }),
  };
}

/**
 * Where pages cannot be brought, some frames have what lists say of them and others not: the sequence is emptied, and whoever goes on feeds it again.
 * `note`: is told of the error and the sequence, where nothing was run yet of the step. `signal`: its reason leaves the sequence as it is.
 */
async function orEmptied(
  sequence: Sequence, bringing: Promise<void>, { note, signal }: { note?: typeof noteFailed; signal?: AbortSignal } = {},
): Promise<void> {
  try {
    await bringing;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) throw error;
    sequence.truncate(0);
    note?.(error, sequence);
    throw error;
  }
}
