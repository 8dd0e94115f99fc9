// Keys and values at home in worker memory, in Chromium: the tokens of a run whose pages are all on the GPU, no more bytes for a token than the cap.
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { makeModel } from '../../scripts/fixtures/make-model.mjs';
import { record } from '../../test/verified.ts';
import { type LibraryWindow, openPage, test } from '../support/library.ts';

const given = { layers: 3, length: 640 };
const sizes = { kvHeads: 2, headDim: 16 };
const decoded = 32;
const options = { slots: 128, sinks: 32, window: 16, interval: 8, size: 32 };
/** Of a token, in KiB: two pages of every head, as many as it chooses. */
const fetch = 8 * given.layers * sizes.kvHeads;

/** MiB of worker memory for 5 of 20 rows of pages, and for what is read back at once. */
const rowBytes = 2 * 32 * sizes.kvHeads * sizes.headDim * 4;
const memory = ((5 * given.layers + 16) * rowBytes) / 2 ** 20;

/** Names in the folder of the browser's files in which what has no room in worker memory lies. */
const filesOf = (page: Page) => page.evaluate(async () => {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('windrow', { create: true });
  const names: string[] = [];
  for await (const name of (root as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
  return names.filter((name) => name.startsWith('scratch-'));
});

/** Tokens after a long prompt, and what came of the keys and values. */
const answer = (page: Page, url: string, kvOptions: Record<string, number>) =>
  page.evaluate(async ({ model, length, made, more }) => {
    const { createEngine } = window as unknown as LibraryWindow;
    const engine = await createEngine({ model, keep: false, context: length, f32: true, kv: 'quest', kvOptions: more });
    const prompt = Array.from({ length: length - made }, (_, i) => (3 + i * 31 + Math.floor(i / 97) * 5) % 512);
    const { choices } = await engine.completions.create({ prompt, max_tokens: made, temperature: 0, logprobs: 0 });
    const { kept, gpuBytes } = await engine.stats();
    await engine.unload();
    return { tokens: choices[0].logprobs!.token_logprobs, text: choices[0].text, away: kept!.away, kvBytes: gpuBytes.kv };
  }, { model: url, length: given.length, made: decoded, more: { ...options, ...kvOptions } });

test('what a token chose is brought from worker memory for the next one, and the tokens are those of pages on the GPU', { tag: '@repeats' }, async ({
  models: folder, origin, profile,
}) => {
  test.setTimeout(5 * 60_000);
  const out = join(folder, 'm.gguf');
  await makeModel({ layers: given.layers, dim: 32, ff: 32, heads: 4, ...sizes, vocab: 512, context: given.length, type: 'F32', embeddingType: 'F32', out });
  const keysValues = given.layers * given.length * 2 * sizes.kvHeads * sizes.headDim * 4;
  const page = await openPage(await profile.open(), origin);
  const on = await answer(page, `${origin.url}/m.gguf`, { lag: 1 });
  const away = await answer(page, `${origin.url}/m.gguf`, { away: 1, fetch });
  record({
    point: `Chromium: pages at home in worker memory, ${given.layers} layers, ${given.length} tokens`,
    command: 'WINDROW_FULL=1 npx playwright test e2e/models/away.spec.ts',
    value: { 'bytes on the GPU, of those of all keys and values': (away.kvBytes / keysValues).toPrecision(2), ...away.away },
  });
  expect(away.text).toBe(on.text);
  expect(away.tokens).toHaveLength(on.tokens.length);
  // Steps of a prompt are shorter, so that sums are rounded elsewhere.
  away.tokens.forEach((logprob, i) => expect(logprob).toBeCloseTo(on.tokens[i]!, 4));
  expect(away.away!.missed).toBe(0);
  expect(away.away!.fetchedBytes).toBeGreaterThan(0);
  expect(away.away!.mostFetchedBytes).toBeLessThanOrEqual(1024 * fetch);

  const stored = await answer(page, `${origin.url}/m.gguf`, { away: 1, fetch, memory });
  record({
    point: `Chromium: pages that worker memory has no room for in a file of the browser, ${given.layers} layers, ${given.length} tokens`,
    command: 'WINDROW_FULL=1 npx playwright test e2e/models/away.spec.ts',
    value: { ...stored.away },
  });
  expect(stored.tokens).toEqual(away.tokens);
  expect(stored.away).toMatchObject({ missed: 0, homeBytes: 5 * given.layers * rowBytes });
  expect(stored.away!.storedBytes).toBeGreaterThan(2 * stored.away!.homeBytes);
  expect(stored.away!.readBytes).toBeGreaterThan(0);
  expect(stored.away!.mostFetchedBytes).toBeLessThanOrEqual(1024 * fetch);
  await expect.poll(() => filesOf(page)).toEqual([]);
});
