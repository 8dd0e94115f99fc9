// Of whom an error of pages in worker memory is told to be: of one sequence only where nothing was run yet of the step.
import { describe, expect, it } from 'vitest';
import { type Step } from '../../../gpu/program.ts';
import { type Section } from '../../../model/sections.ts';
import { attend } from '../../../model/ops/attend.ts';
import { awayFor } from './away.ts';
import { failedOf } from './failed.ts';

const sections = [{ ops: [{ op: attend({ layer: 0, scale: 1 }) }] }] as unknown as Section[];
const part = { section: 0 };

/** A sequence with such pages, of which one thing fails; lengths that it was cut to. */
function failing(fails: 'ready' | 'answer' | 'bringWhole', rows: number) {
  const error = new Error(`${fails} fails`);
  const does = (what: string) => () => (what === fails ? Promise.reject(error) : Promise.resolve());
  const cuts: number[] = [];
  const away = { ready: does('ready'), bringWhole: does('bringWhole'), answers: { answer: does('answer') } };
  const sequence = { shaped: { away }, truncate: (length: number) => cuts.push(length) };
  return { error, cuts, sequence, steps: [{ rows, length: 70, of: sequence }] as unknown as Step[] };
}

describe('an error of pages in worker memory', () => {
  it('is of its sequence before anything of a step was run', async () => {
    const { error, cuts, sequence, steps } = failing('ready', 1);
    await expect(awayFor(steps, sections, [part])).rejects.toBe(error);
    expect([cuts, failedOf(error) === sequence]).toEqual([[0], true]);
  });

  it.each([['answer', 1, { joins: 0 }], ['bringWhole', 8, part]] as const)('is of all of a step under way: %s', async (fails, rows, next) => {
    const { error, cuts, steps } = failing(fails, rows);
    const away = await awayFor(steps, sections, [part]);
    await expect(away!.before(next)).rejects.toBe(error);
    expect([cuts, failedOf(error)]).toEqual([[0], undefined]);
  });

  it('is none where an answer was aborted, which leaves the sequence as it is', async () => {
    const { cuts, steps, sequence } = failing('answer', 1);
    const abort = new AbortController();
    Object.assign(sequence.shaped.away.answers, { answer: (_: number, signal: AbortSignal) => Promise.reject(signal.reason as Error) });
    const away = await awayFor(steps, sections, [part], abort.signal);
    abort.abort();
    await expect(away!.before({ joins: 0 })).rejects.toBe(abort.signal.reason);
    expect(cuts).toEqual([]);
  });
});
