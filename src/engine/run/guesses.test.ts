// What guesses cannot be made ready: answers go on without, are told, and try again; a lost GPU ends them as ever.
import { beforeEach, expect, it, vi } from 'vitest';
import { type LoadedModel } from '../load/load.ts';
import { plainChoice } from '../../model/choices/kernel-choice.ts';
import { type Answer } from './answer/answers.ts';
import { withGuesses } from './guesses.ts';
import { type Runner } from './runner.ts';

let failures: Error[] = [];
let tries = 0;
vi.mock('./speculation/chunk.ts', () => ({
  draftModels: () => [],
  speculate: (steps: object) => ({
    ...steps,
    async ready() {
      tries++;
      const failure = failures.shift();
      if (failure) throw failure;
    },
    readsBehind: () => false,
  }),
}));
beforeEach(() => {
  failures = [];
  tries = 0;
});

/** Steps of a model, and what became of its answers. */
function madeUp(lost: Promise<unknown> = new Promise(() => {})) {
  const graph = { embed: { op: 'embed' }, layers: [], head: { op: 'embed' }, config: { vocab: 8, dim: 8 } };
  const planned = { chosen: { opened: { graph }, options: { speculation: {} } }, plan: { logitsRows: 8 } };
  const model = { planned, graph, gpu: { device: { lost } }, choice: plainChoice } as unknown as LoadedModel;
  const released: Answer[] = [];
  const plain = { admit: async () => true, release: (answer: Answer) => void released.push(answer), readsBehind: () => true };
  const { steps, ready } = withGuesses(model, {} as Runner, plain as unknown as Parameters<typeof withGuesses>[2]);
  const notices: string[][] = [];
  const begin = async () => {
    const own: string[] = [];
    notices.push(own);
    const answer = { onNotice: (notice: string) => void own.push(notice) } as Answer;
    expect(await steps.admit(answer)).toBe(true);
    return answer;
  };
  return { steps, ready: ready!, begin, notices, released };
}

const told = [expect.stringMatching(/^No tokens are guessed in this answer, .*no network$/) as string];

it('goes on without guesses where what guesses fails at the load, and tells the answers for which it still does', async () => {
  failures = Array.from({ length: 2 }, () => new Error('no network'));
  const { steps, ready, begin, notices, released } = madeUp();
  await ready();
  const [one, beside] = [await begin(), await begin()];
  expect([tries, notices, steps.readsBehind([])]).toEqual([2, [told, told], true]);
  for (const answer of [one, beside]) steps.release(answer, false);
  expect(released).toEqual([one, beside]);
  await begin();
  expect([tries, notices[2], steps.readsBehind([])], 'a failure is not kept').toEqual([3, [], false]);
  await begin();
  expect(tries).toBe(3);
});

it('fails where the GPU was lost, at the load and in an answer', async () => {
  failures = Array.from({ length: 2 }, () => new Error('no device'));
  const { ready, begin } = madeUp(Promise.resolve({ message: 'gone' }));
  await expect(ready()).rejects.toThrow('no device');
  await expect(begin()).rejects.toThrow('no device');
});
