// What requests wish in time, and what follows for the order of turns: priorities before all, then when a token is due. Reads no clock;
// times are handed in.
import { type GenerateStats, type TargetMet, type Targets } from '../../../protocol.ts';

/** What a request says of its turns. */
export interface Wishes {
  /** A lower one goes first. Default 0. */
  readonly priority?: number;
  readonly targets?: Targets;
}

/** What has become of a request, in milliseconds of one clock. */
export interface Timed {
  /** In the order in which requests came. */
  readonly age: number;
  readonly came: number;
  /** When its first token came. */
  firstAt?: number;
  /** Tokens that came since it came. */
  taken: number;
}

type Clocked = Timed & { readonly job: Wishes };

/** When its next token is due: of an answer on average since its first one, so that what came early is to be spent. Infinity without a target. */
export function dueOf({ job: { targets }, came, firstAt, taken }: Clocked): number {
  if (firstAt === undefined) return came + (targets?.firstTokenMs ?? Infinity);
  return firstAt + (targets?.tokenMs ?? Infinity) * taken;
}

/** Below 0 where the first one's priority goes before. */
export const comparePriority = (a: { readonly job: Wishes }, b: { readonly job: Wishes }): number => (a.job.priority ?? 0) - (b.job.priority ?? 0);

/** Who came first, but for priorities. */
export const compareUrgency = (a: Clocked, b: Clocked): number => comparePriority(a, b) || a.age - b.age;

export function compareDue(a: Clocked, b: Clocked): number {
  const [dueA, dueB] = [dueOf(a), dueOf(b)];
  return dueA === dueB ? 0 : dueA - dueB;
}

/**
 * Whether a part of a prompt, which takes `chunkMs`, is to wait as a token of one that answers would come too late: one that is no less urgent,
 * and whose token is due before the prompt's first.
 */
export const isHeldBack = (prompt: Clocked, answering: readonly Clocked[], now: number, chunkMs: number): boolean =>
  answering.some((each) => {
    const due = dueOf(each);
    return due < now + chunkMs && due < dueOf(prompt) && comparePriority(each, prompt) <= 0;
  });

/** What came of targets: `firstMs` until the first of so many tokens, `othersMs` for those after it. */
export function metOf(
  { firstTokenMs, tokenMs }: Targets,
  { tokens, firstMs, othersMs }: { tokens: number; firstMs: number; othersMs: number },
): GenerateStats['targets'] {
  const met = (targetMs: number, isThere: boolean, ms: number): TargetMet => ({ targetMs, ...(isThere && { ms }), met: !isThere || ms <= targetMs });
  return {
    ...(firstTokenMs !== undefined && { firstToken: met(firstTokenMs, tokens > 0, firstMs) }),
    ...(tokenMs !== undefined && { token: met(tokenMs, tokens > 1, othersMs / (tokens - 1)) }),
  };
}
