// Guesses of next tokens, as far as answers without them pay for it: what makes and checks them (speculation/) is a chunk of its own, there
// before the first answer begins where a load asks for it.
import { type GenerateStats, type Token } from '../../protocol.ts';
import { type LoadedModel } from '../load/load.ts';
import { guessBytes } from '../load/plan/plan-bytes.ts';
import { type Answer } from './answer/answers.ts';
import { type Runner, createRunner } from './runner.ts';
import { type Steps } from './schedule/scheduler.ts';

export function withGuesses(model: LoadedModel, runner: Runner, steps: Steps<Answer, Token>): Steps<Answer, Token> {
  const { planned: { chosen: { options: { speculation, experiment } } }, graph } = model;
  if (!speculation) return steps;
  const guessing = { ...steps };
  guessing.admit = async (answer) => {
    const { draftModels, speculate } = await import('./speculation/chunk.ts');
    const models = draftModels(model, runner, createRunner);
    Object.assign(guessing, speculate(steps, runner, { ...speculation, all: experiment?.allGuesses, rowBytes: guessBytes(graph), models }));
    return steps.admit(answer);
  };
  return guessing;
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
