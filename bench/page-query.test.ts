import { expect, test } from 'vitest';
import { readQuery } from './page-query.ts';

test('an address without a model asks for nothing and has the usual lengths', () => {
  const { model, options } = readQuery('');
  expect(model).toBeUndefined();
  expect(options).toMatchObject({ promptTokens: 64, newTokens: 16, quick: false, sweep: false });
  expect(options.contexts).toBeUndefined();
});

test('every option is read', () => {
  expect(readQuery('?model=m.gguf&prompt=8&new=4&contexts=16,%2032&quick=1&sweep&expect=0,7&f32=1&kernels=splits%3D1&kv=q8&budget=2MiB&one-submit=1')).toEqual({
    model: 'm.gguf',
    options: {
      promptTokens: 8,
      newTokens: 4,
      contexts: [16, 32],
      quick: true,
      sweep: true,
      expect: [0, 7],
      load: { f32: true, kernels: 'splits=1', kv: 'q8', budgetBytes: 2 ** 21, experiment: { tokensPerSubmit: 1 } },
    },
  });
  expect(readQuery('?quick=0').options.quick).toBe(false);
});

test.each(['?prompt=0', '?new=1.5', '?contexts=16,', '?contexts=x', '?expect=-1', '?budget=much'])('%s is refused by name', (search) => {
  expect(() => readQuery(search)).toThrow(new RegExp(`^${search.slice(1).split('=')[0]} is `));
});
