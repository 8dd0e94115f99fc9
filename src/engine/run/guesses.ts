// Guesses of next tokens, as far as answers without them pay for it: what makes and checks them (speculation/) is a chunk of its own, there
// before the first answer begins where a load asks for it.
import { lossOf } from '../../gpu/device.ts';
import { type GenerateStats, type Token } from '../../protocol.ts';
import { unguessed } from '../info.ts';
import { type LoadedModel } from '../load/load.ts';
import { guessBytes } from '../load/plan/plan-bytes.ts';
import { type Answer } from './answer/answers.ts';
import { type Runner, createRunner } from './runner.ts';
import { type Steps } from './schedule/scheduler.ts';

export interface Guessing {
  steps: Steps<Answer, Token>;
  /**
   * Brings what guesses, and has run it once: else the first answer waits for that. Where that fails, answers go on without, each tries again, and is
   * told. Rejects where the GPU was lost.
   */
  ready?(): Promise<void>;
}

/** Milliseconds until the news of a lost GPU has come behind what failed by it. */
const lossMs = 50;

export function withGuesses(model: LoadedModel, runner: Runner, steps: Steps<Answer, Token>): Guessing {
  const { planned, graph, gpu, choice } = model;
  const { speculation, experiment } = planned.chosen.options;
  if (!speculation || unguessed(planned, choice).length) return { steps };
  const guessing = { ...steps };
  const isLost = async () => (await lossOf(gpu.device, lossMs)) !== undefined;
  const bring = async (): Promise<void> => {
    const { draftModels, speculate } = await import('./speculation/chunk.ts');
    const models = draftModels(model, runner, createRunner);
    const how = { ...speculation, all: experiment?.allGuesses, rowBytes: guessBytes(graph), models, isLost };
    const { ready: run, ...speculating } = speculate(steps, runner, how);
    await run();
    Object.assign(guessing, speculating);
  };
  let brought: Promise<void> | undefined;
  let notice: string | undefined; // where bringing what guesses has failed
  /** Rejects where the GPU was lost. A failure is not kept: the next call tries again. */
  const tryReady = async (): Promise<void> => {
    try {
      await (brought ??= bring());
      notice = undefined;
    } catch (error) {
      brought = undefined;
      if (await isLost()) throw error;
      notice = `No tokens are guessed in this answer, as what guesses could not be made ready; it is the same without. ${(error as Error).message}`;
    }
  };
  const underWay = new Set<Answer>(); // those that go on without guesses: what guesses is run for the first time only beside none
  guessing.admit = async (answer) => {
    if (brought || !underWay.size) await tryReady();
    const admitted = await steps.admit(answer);
    if (admitted !== true || !notice) return admitted;
    underWay.add(answer);
    answer.onNotice?.(notice);
    return admitted;
  };
  guessing.release = (answer, gaveWay) => {
    underWay.delete(answer);
    steps.release(answer, gaveWay);
  };
  return { steps: guessing, ready: tryReady };
}

/** Of one answer. */
export function countGuesses() {
  let counted: Pick<GenerateStats, 'guessedTokens' | 'rightTokens'> | undefined;
  return {
    get counted() {
      return counted;
    },
    note(guesses: number, right: number): void {
      const { guessedTokens = 0, rightTokens = 0 } = counted ?? {};
      counted = { guessedTokens: guessedTokens + guesses, rightTokens: rightTokens + right };
    },
  };
}
