// Keys and values at home in worker memory, in Chromium: the tokens of a run whose pages are all on the GPU, no more bytes for a token than the cap.
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { makeModel } from '../../scripts/fixtures/make-model.mjs';
import { record } from '../../test/verified.ts';
import { type LibraryWindow, openPage, test } from '../support/library.ts';

interface Given {
  layers: number;
  /** Tokens, the last `decoded` of which are made. */
  length: number;
  /** Of the bytes of their keys and values, those that there may be on the GPU; none: as many as what is read takes twice. */
  part?: number;
}
const sizes = { kvHeads: 2, headDim: 16 };
const decoded = 32;
const options = { slots: 128, sinks: 32, window: 16, interval: 8, size: 32 };
const pageBytes = 2 * 32 * sizes.headDim * 4;

/** Of a token, in KiB: two pages of every head, as many as it chooses. */
const fetchOf = ({ layers }: Given) => (2 * layers * sizes.kvHeads * pageBytes) / 1024;

/** Of keys and values in f32. */
const bytesOf = ({ layers, length }: Given) => (layers * sizes.kvHeads * length * pageBytes) / 32;

async function makeTiny(folder: string, { layers, length: context }: Given) {
  await makeModel({ layers, dim: 32, ff: 32, heads: 4, ...sizes, vocab: 512, context, type: 'F32', embeddingType: 'F32', out: join(folder, 'm.gguf') });
}

/** Names in the folder of the browser's files in which what has no room in worker memory lies. */
const filesOf = (page: Page) => page.evaluate(async () => {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('windrow', { create: true });
  const names: string[] = [];
  for await (const name of (root as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
  return names.filter((name) => name.startsWith('scratch-'));
});

/** Tokens after a long prompt, and what came of the keys and values. */
const answer = (page: Page, url: string, { length, part, ...given }: Given, kvOptions: Record<string, number>) =>
  page.evaluate(async ({ model, kvOptions, kvBudget, length, made }) => {
    const { createEngine } = window as unknown as LibraryWindow;
    const engine = await createEngine({ model, keep: false, context: length, f32: true, kv: 'quest', kvOptions, kvBudget });
    const prompt = Array.from({ length: length - made }, (_, i) => (3 + i * 31 + Math.floor(i / 97) * 5) % 512);
    const { choices } = await engine.completions.create({ prompt, max_tokens: made, temperature: 0, logprobs: 0 });
    const { kept, gpuBytes } = await engine.stats();
    await engine.unload();
    return { tokens: choices[0].logprobs!.token_logprobs, text: choices[0].text, away: kept!.away, kvBytes: gpuBytes.kv };
  }, { model: url, kvOptions: { ...options, ...kvOptions }, kvBudget: part && part * bytesOf({ length, ...given }), length, made: decoded });

type Answer = Awaited<ReturnType<typeof answer>>;

/** The text, and log-probabilities but for sums that are rounded elsewhere, as steps of a prompt are shorter; bytes of a token within the cap. */
function expectSame(given: Given, away: Answer, on: Answer) {
  record({
    point: `Chromium: pages at home in worker memory, ${given.layers} layers, ${given.length} tokens`,
    command: 'WINDROW_FULL=1 npx playwright test e2e/models/away.spec.ts',
    value: { 'bytes on the GPU, of those of all keys and values': (away.kvBytes / bytesOf(given)).toPrecision(2), ...away.away },
  });
  expect(away.text).toBe(on.text);
  expect(away.tokens).toHaveLength(decoded);
  expect(on.tokens).toHaveLength(decoded);
  away.tokens.forEach((logprob, i) => expect(logprob).toBeCloseTo(on.tokens[i]!, 4));
  expect(away.away!.missed).toBe(0);
  expect(away.away!.fetchedBytes).toBeGreaterThan(0);
  expect(away.away!.mostFetchedBytes).toBeLessThanOrEqual(1024 * fetchOf(given));
}

test('keys and values of four times their bytes on the GPU give the tokens of pages that are all there', { tag: '@repeats' }, async ({
  models: folder, origin, profile,
}) => {
  test.setTimeout(10 * 60_000);
  const given = { layers: 12, length: 3264, part: 1 / 4 };
  await makeTiny(folder, given);
  const page = await openPage(await profile.open(), origin);
  const on = await answer(page, `${origin.url}/m.gguf`, { ...given, part: undefined }, { lag: 1 });
  const away = await answer(page, `${origin.url}/m.gguf`, given, { away: 1, fetch: fetchOf(given) });
  expectSame(given, away, on);
  expect(on.kvBytes).toBeGreaterThanOrEqual(bytesOf(given));
  expect(away.kvBytes).toBeLessThanOrEqual(bytesOf(given) / 4);
});

test('what a token chose is brought from worker memory for the next one, and the tokens are those of pages on the GPU', { tag: '@repeats' }, async ({
  models: folder, origin, profile,
}) => {
  test.setTimeout(5 * 60_000);
  const given = { layers: 3, length: 640 };
  const fetch = fetchOf(given);
  await makeTiny(folder, given);
  const page = await openPage(await profile.open(), origin);
  const on = await answer(page, `${origin.url}/m.gguf`, given, { lag: 1 });
  const away = await answer(page, `${origin.url}/m.gguf`, given, { away: 1, fetch });
  expectSame(given, away, on);

  // Worker memory for 5 of 20 rows of pages, and for what is read back at once.
  const rowBytes = sizes.kvHeads * pageBytes;
  const memory = ((5 * given.layers + 16) * rowBytes) / 2 ** 20;
  const stored = await answer(page, `${origin.url}/m.gguf`, given, { away: 1, fetch, memory });
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
