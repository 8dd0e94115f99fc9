import { describe, expect, it } from 'vitest';
import { BudgetError } from '../../../errors.ts';
import { type Manifest } from '../../../weights/store/store.ts';
import { checkUnkept } from './limits.ts';

const MiB = 2 ** 20;
const url = { addresses: ['https://example.org/a.gguf'] };

describe('a model that is not to be kept', () => {
  it('is refused where each token would download weights, with the numbers and what would help', () => {
    const load = () => checkUnkept({ streamedBytes: 300 * MiB }, url, { keep: false });
    expect(load).toThrow(BudgetError);
    expect(load).toThrow(/^300\.0 MiB of the weights do not stay on the GPU, and worker memory takes 256\.0 MiB: .*Raise the budget/);
  });

  it.each([
    ['what is streamed fits worker memory', 256 * MiB, url, {}],
    ['worker memory is larger', 300 * MiB, url, { ramBytes: 300 * MiB }],
    ['it comes from a file of the visitor', 300 * MiB, { addresses: [] }, {}],
    ['it is stored already', 300 * MiB, { ...url, manifest: {} as Manifest }, {}],
    ['it may be kept', 300 * MiB, url, { keep: undefined }],
  ])('is taken where %s', (_, streamedBytes, found, options) => {
    expect(() => checkUnkept({ streamedBytes }, found, { keep: false, ...options })).not.toThrow();
  });
});
