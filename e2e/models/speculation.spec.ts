// Guesses of next tokens in a page's worker, on Chromium: the answers of an engine without, by what was said before and by a model that drafts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { isFull, record } from '../../test/verified.ts';
import { importModel, type LibraryWindow, openPage, test } from '../support/library.ts';
import { tinyModel } from '../support/tiny-model.ts';

test('answers with guesses are those without, in a page', async ({ models: folder, origin, profile }) => {
  test.skip(!isFull, 'the GPU tests show it of the engine; WINDROW_FULL=1 runs it in a page');
  test.setTimeout(5 * 60_000);
  writeFileSync(join(folder, 'model.gguf'), tinyModel.buffer);
  const page = await openPage(await profile.open(), origin);
  const { id } = await importModel(page, `${origin.url}/model.gguf`);
  const answered = await page.evaluate(async (stored) => {
    const { createEngine } = window as unknown as LibraryWindow;
    const prompt = 'Once upon a time there was a dog. Once upon a time there was a dog. Once upon';
    const made = [];
    for (const speculation of [false, true, { lookup: false, draft: { stored } }]) {
      const engine = await createEngine({ model: { stored }, context: 320, f32: true, speculation });
      const texts: string[] = [];
      let guessed = 0;
      for (const temperature of [0, 0.8, 0]) { // the last is the first one again, which can be looked up
        const { choices, stats } = await engine.completions.create({ prompt, max_tokens: 60, temperature, seed: 4 });
        texts.push(choices[0].text);
        guessed += stats!.guessedTokens ?? 0;
      }
      made.push({ texts, guessed, draft: engine.info.draft?.name });
      await engine.unload();
    }
    return made;
  }, id);
  const [plain, lookup, draft] = answered;
  expect(plain.guessed).toBe(0);
  expect([lookup.texts, draft.texts]).toEqual([plain.texts, plain.texts]);
  expect([plain.draft, lookup.draft, draft.draft]).toEqual([undefined, undefined, 'stories260K']);
  record({
    point: 'Guesses in a page: equal answers, greedy and drawn; tokens guessed by what was said before, and by a draft',
    command: 'WINDROW_FULL=1 npx playwright test e2e/models/speculation.spec.ts', adapter: 'SwiftShader in Chromium',
    value: `${lookup.guessed}, ${draft.guessed}`,
  });
});
