// Evaluation in the activity panel: a text, the same model with other keys and values, and questions, with the numbers as a file.
import { readFileSync } from 'node:fs';
import { type Locator, type Page, expect } from '@playwright/test';
import { randomAdapter } from '../test/models/adapter.ts';
import { loadTiny, quick, test } from './support/page.ts';

const text = 'Once upon a time there was a little dog. He had a red ball and a big bone.';
const questions = [{ prompt: 'Once upon a time there was a', choices: [' little', ' zzz'], answer: 0 }];

async function saved(page: Page, panel: Locator) {
  const saving = page.waitForEvent('download');
  await panel.getByRole('button', { name: 'Save as JSON' }).click();
  return JSON.parse(readFileSync(await (await saving).path(), 'utf8'));
}

test('a model is measured on a text, compared with itself in fewer bits and with an adapter, and asked; the numbers are saved as JSON', async ({ page }) => {
  await page.goto(quick('context=512'));
  await loadTiny(page);
  await page.getByRole('button', { name: 'Activity' }).click();
  const panel = page.getByRole('region', { name: 'Evaluation' });
  await panel.getByRole('button', { name: 'Measure it on a text' }).click();
  await expect(panel.getByLabel('Text', { exact: true })).toBeFocused();
  await panel.getByRole('button', { name: 'Measure', exact: true }).click();
  await expect(panel.getByRole('alert')).toHaveText('There is nothing to measure. Give a text or questions.');
  await panel.getByLabel('Text', { exact: true }).fill(text);
  await panel.getByLabel(/^Compare with/).selectOption('kv q8');
  await panel.getByLabel('Questions with choices').fill(JSON.stringify(questions));
  await panel.getByRole('button', { name: 'Measure', exact: true }).click();
  await expect(panel.getByText('Same likeliest token')).toBeVisible({ timeout: 3 * 60_000 });

  const found = await saved(page, panel);
  const alone = await page.evaluate(async (prompt) => {
    const { completions } = document.querySelector('windrow-app')!.engine!;
    const { choices } = await completions.create({ prompt, echo: true, logprobs: 0, max_tokens: 0 });
    return choices[0].logprobs!.token_logprobs.reduce<number>((sum, logprob) => sum - (logprob ?? 0), 0);
  }, text);
  expect(found.perplexity.totalNll).toBeCloseTo(alone, 3);
  expect(found.perplexity.perplexity, 'of 512 tokens it expects the right ones').toBeLessThan(100);
  expect(found.against.positions).toBe(found.perplexity.scored);
  expect(found).toMatchObject({ model: { kv: 'f16' }, against: { model: { kv: 'q8', name: found.model.name } }, questions: { accuracy: 1 } });
  expect(found.against.meanKl).toBeGreaterThan(0);
  expect(found.against.meanKl, 'eight bits cost little').toBeLessThan(0.01);
  await expect(panel.getByText(`${found.perplexity.perplexity.toFixed(3)} over ${found.perplexity.scored} tokens`)).toBeVisible();

  const shape = { architecture: 'llama', rank: 4, alpha: 8, tensors: { 'blk.0.attn_output.weight': [64, 64] as [number, number] } };
  await panel.getByLabel(/^Compare with/).selectOption('adapter');
  await panel.getByLabel('Questions with choices').fill('');
  await panel.getByLabel(/^Adapter/).setInputFiles({ name: 'adapter.gguf', mimeType: '', buffer: Buffer.from(randomAdapter(shape).bytes) });
  await panel.getByLabel('Scale').fill('0.5');
  await panel.getByRole('button', { name: 'Measure', exact: true }).click();
  await expect(panel.getByText('Same likeliest token')).toBeVisible({ timeout: 3 * 60_000 });
  const adapted = await saved(page, panel);
  expect(adapted).toMatchObject({ against: { model: { kv: 'f16', adapters: [{ name: 'adapter.gguf', scale: 0.5 }] } } });
  expect(adapted.perplexity).toEqual(found.perplexity);
  expect(adapted.against.meanKl).toBeGreaterThan(1e-4);

  await panel.getByLabel('Text', { exact: true }).fill(`${text} `.repeat(400));
  await panel.getByLabel(/^Compare with/).selectOption('');
  await panel.getByRole('button', { name: 'Measure', exact: true }).click();
  await expect(panel.getByRole('status')).toHaveText(/^Text \d+ of \d+…$/);
  await panel.getByRole('button', { name: 'Stop' }).click();
  await expect(panel.getByRole('alert')).toHaveText('Stopped.');
});
