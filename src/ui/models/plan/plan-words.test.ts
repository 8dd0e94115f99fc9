import { expect, test } from 'vitest';
import { type ModelPlan } from '../../../protocol.ts';
import { roomWords, verdictWords } from './plan-words.ts';

const plan: ModelPlan = {
  name: 'A', verdict: 'fits', fileBytes: 98e6, storedBytes: 100e6, freeBytes: 5e9, stored: false,
  totalBytes: 300e6, budgetBytes: 4e9, keptBytes: 100e6, streamedBytes: 0, context: 4096, parameters: 1e8, activeParameters: 1e8,
  keysValues: { kv: 'f16', bytes: 2 ** 20, bytesPerToken: 1024, fits: 4096 },
};

test('where there would be room for a longer conversation it is told', () =>
  expect(roomWords({ ...plan, keysValues: { ...plan.keysValues, fits: 12288 } })).toContain('tokens take 1.0 MB of the GPU; there would be room for 12,288.'));

test('a model that fits is told so, with its share of the budget', () =>
  expect(verdictWords(plan)).toBe('Fits: takes 300 MB of the 4.0 GB that windrow may use of the GPU.'));

test('one that is streamed says what stays and what is moved for every token', () =>
  expect(verdictWords({ ...plan, verdict: 'streams', keptBytes: 1e9, streamedBytes: 2e9 })).toContain(
    '1.0 GB of weights stay there, 2.0 GB are streamed for every token',
  ));

test('of a mixture whose experts are fetched it is told how many a token uses and what it waits for', () => {
  const rates = { hitRate: 0.432, fetchedBytes: 568e6, complete: 0.01, byUse: false };
  const onDemand = { of: 'experts' as const, items: 6144, slots: 1500, used: 384, usedBytes: 1e9, ...rates };
  expect(verdictWords({ ...plan, verdict: 'streams', keptBytes: 3.8e9, onDemand })).toBe(
    'Streams: too large to stay on the GPU as a whole. 3.8 GB of weights stay there. It is a mixture of 6,144 experts, of which a token uses 384 ' +
    '(1.0 GB) and 1,500 have room at a time: about 43 % of them will be there, and 568 MB are fetched for a token. It takes 300 MB of the 4.0 GB that ' +
    'windrow may use of the GPU.',
  );
  expect(verdictWords({ ...plan, verdict: 'streams', keptBytes: 3.8e9, onDemand: { ...onDemand, byUse: true } })).toContain(
    '568 MB are fetched for a token, by what its last answers here used. ',
  );
  expect(verdictWords({ ...plan, verdict: 'streams', keptBytes: 3.8e9, onDemand: { ...onDemand, of: 'neurons' } })).toContain('It has 6,144 neurons, of which');
  expect(verdictWords({ ...plan, verdict: 'streams', streamedBytes: 2e9, onDemand })).toContain('stay there, 2.0 GB are streamed for every token. It is');
});

test('of a mixture it is told how many of its weights a token uses', () => {
  const mixture = { ...plan, parameters: 30.53e9, activeParameters: 3.35e9 };
  expect(verdictWords(mixture)).toMatch(/^Fits: .* A token uses 3\.4 billion of its 31 billion weights\.$/);
  const smaller = { ...mixture, verdict: 'streams' as const, parameters: 700e6, activeParameters: 95e6 };
  expect(verdictWords(smaller)).toMatch(/ A token uses 95 million of its 700 million weights\.$/);
  expect(verdictWords(plan)).not.toContain('A token uses');
});

test('the speed is told in two digits where it is predicted', () => {
  const predicted = { decodeTokensPerSecond: 3.14159, bound: 'transfer' as const, computeSeconds: 0.1, transferSeconds: 0.3, position: 512 };
  expect(verdictWords({ ...plan, verdict: 'streams', predicted })).toMatch(/^Streams: about 3\.1 tokens\/s, /);
  expect(verdictWords({ ...plan, predicted: { ...predicted, decodeTokensPerSecond: 123.4 } })).toMatch(/^Fits: about 120 tokens\/s, /);
});

test('a refused one gives the engine\'s reason', () => expect(verdictWords({ ...plan, verdict: 'refused', reason: 'Too large.' })).toBe('Too large.'));

test('where it will be is told, unless there is no room for it or it is not loaded at all', () => {
  expect(roomWords(plan)).toBe('It is kept in this browser: 100 MB of the 5.0 GB that are free. Conversations of up to 4,096 tokens take 1.0 MB of the GPU.');
  expect(roomWords(plan, false)).toBe('It is not kept in this browser. Conversations of up to 4,096 tokens take 1.0 MB of the GPU.');
  expect(roomWords({ ...plan, freeBytes: 10e6 }, true, true)).toBe('Conversations of up to 4,096 tokens take 1.0 MB of the GPU.');
  expect(roomWords({ ...plan, verdict: 'refused' })).toBe('Conversations of up to 4,096 tokens take 1.0 MB of the GPU.');
  expect(roomWords({ ...plan, stored: true })).toContain('Already on this device');
});

test('what reads of storage cost is told once it was measured', () => {
  expect(roomWords({ ...plan, storeCost: { secondsPerRead: 0.000456, secondsPerByte: 0.8e-9 } })).toMatch(
    /of the GPU\. Storage is read at 1\.3 GB\/s and 0\.46 ms per read\.$/,
  );
});
