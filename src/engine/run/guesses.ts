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
  /** Brings what guesses, and has run it once: else the first answer waits for that. */
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
  const ready = (): Promise<void> => (brought ??= bring());
  guessing.admit = async (answer) => {
    await ready();
    return steps.admit(answer);
  };
  return { steps: guessing, ready };
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
