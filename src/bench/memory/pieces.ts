// What was measured of a model and its probes, text by text, so that a row can be gone on with: what keeps it, and a text that is run from where it stands.
import { RequestError } from '../../errors.ts';
import { type Pace, type Paused, type Piece } from './row.ts';

export interface Pieces {
  /** Of the i-th text under a policy, if it was measured. */
  of(policy: string, text: number): Piece | undefined;
  keep(policy: string, text: number, piece: Piece): Promise<void>;
  /** What the full memory expects after each of so many tokens of a document, if it was measured. */
  logits(document: number, rows: number): Promise<Float32Array[] | undefined>;
  keepLogits(document: number, logits: readonly Float32Array[]): Promise<void>;
  /** Where a text stands that was not run to its end, under a policy or with the full memory. */
  paused(policy: string, text: number): Promise<Paused | undefined>;
  /** Undefined: it was. */
  pause(policy: string, text: number, paused: Paused | undefined): Promise<void>;
}

export function piecesInMemory(): Pieces {
  const pieces = new Map<string, Piece>();
  const logits = new Map<number, readonly Float32Array[]>();
  const paused = new Map<string, Paused | undefined>();
  return {
    of: (policy, text) => pieces.get(`${text} ${policy}`),
    keep: async (policy, text, piece) => void pieces.set(`${text} ${policy}`, piece),
    logits: async (document) => logits.get(document)?.slice(),
    keepLogits: async (document, rows) => void logits.set(document, rows),
    paused: async (policy, text) => paused.get(`${text} ${policy}`),
    pause: async (policy, text, at) => void paused.set(`${text} ${policy}`, at),
  };
}

/**
 * Runs a text from where it stands, or from its beginning where the model that there is now refuses what was saved, which `onAnew` is told; keeps where it
 * stands then. Undefined where the time was over before its end.
 */
export async function goOn<T extends object>(
  pieces: Pieces,
  policy: string,
  text: number,
  pace: Omit<Pace, 'from'> & { onAnew(why: string): void; onPaused(tokens: number): void },
  run: (pace: Pace) => Promise<T | Paused>,
): Promise<T | undefined> {
  const from = await pieces.paused(policy, text);
  const found = await run({ ...pace, from }).catch((error: unknown) => {
    if (!from || !(error instanceof RequestError)) throw error;
    pace.onAnew(error.message);
    return run({ ...pace, from: undefined });
  });
  const isPaused = 'sequence' in found;
  await pieces.pause(policy, text, isPaused ? found : undefined);
  if (isPaused) pace.onPaused(found.tokens);
  return isPaused ? undefined : found;
}
