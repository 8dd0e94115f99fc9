// How a check is judged: what counts against a kernel, and what may be over the next time.
import { expect, it } from 'vitest';
import { CompileError } from '../kernels.ts';
import { type Outcome, WrongResult, runCheck } from './check.ts';
import { type Workbench } from './workbench.ts';

const bench = { gpu: { device: { limits: {} } } } as unknown as Workbench;
const judge = (...runs: (() => Promise<Outcome>)[]) =>
  runCheck(bench, { name: 'a kernel', tolerance: 0.1, choice: {}, cases: runs.map((run) => ({ name: 'a case', run })) });
const wrong = async () => ({ found: [1], expected: [2] });
const right = async () => ({ found: [1], expected: [1] });
const fails = (error: Error) => () => Promise.reject(error);

it('is failed for good by wrong numbers, or a kernel that does not compile', async () => {
  expect(await judge(right)).toMatchObject({ passed: true, error: 0 });
  expect(await judge(right, wrong)).toMatchObject({ passed: false, passing: false });
  expect(await judge(fails(new CompileError('no such type')))).toMatchObject({ passed: false, passing: false });
  expect(await judge(fails(new WrongResult('the position is 3')))).toMatchObject({ passed: false, passing: false });
  expect(await judge(wrong, fails(new Error('no handle is left')))).toMatchObject({ passed: false, passing: false });
});

it('is failed for now by any other error', async () => {
  expect(await judge(right, fails(new Error('no handle is left')))).toMatchObject({ passed: false, passing: true, message: 'a case: no handle is left' });
});
