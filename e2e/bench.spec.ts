// bench.html on a tiny model: what its report holds, and that a wrong output fails the run.
import { readFileSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import { type PageResult } from '../bench/bench-worker.ts';
import { isFull, record } from '../test/verified.ts';
import { serveTiny, test } from './support/page.ts';

/** KernelChoice are given and all is f32: nothing is measured to choose, and nothing loaded twice. */
const plain = 'model=https://models.example/stories.gguf&f32=1&kernels=splits=1,panels=4,dot=f32,prefill=tile,threads=32&prompt=24&new=4';

/** What the page leaves when the benchmark is over. */
async function outcome(page: Page, query: string): Promise<Exclude<Window['bench'], undefined>> {
  await serveTiny(page);
  await page.goto(`/bench.html?${query}`);
  return (await (await page.waitForFunction(() => window.bench, undefined, { timeout: 8 * 60_000 })).jsonValue())!;
}

async function report(page: Page, query: string): Promise<PageResult> {
  const found = await outcome(page, query);
  if ('error' in found) throw new Error(found.error);
  return found.result;
}

test('reports speeds, shares of the peak, bytes and calls, each output checked, as a table, plots and a file', async ({ page }) => {
  const { report: measured, text } = await report(page, `${plain}&contexts=16,40&expect=291,410,435,412,372`);
  const { peak, decode, prefill, contexts, kernels, checked, perToken } = measured;
  const positive = {
    copying: peak.copyBytesPerSecond,
    multiplyAdding: peak.flopsPerSecond,
    copiedBytes: peak.copiedBytes,
    fmaMs: peak.fmaMs,
    ...decode,
    prefill: prefill.flopsPerSecond,
    prefillOfFma: prefill.ofFma,
    loadMs: measured.loadMs,
    firstTokenMs: measured.firstTokenMs,
    gpuBytesPeak: measured.gpuBytesPeak,
    prefillTokensPerSecond: measured.prefillTokensPerSecond,
    decodeTokensPerSecond: measured.decodeTokensPerSecond,
    hostMs: measured.hostMsPerToken,
    dispatches: perToken.dispatches,
    submits: perToken.submits,
    ...Object.fromEntries(
      contexts.flatMap((c) => [
        [`prefill at ${c.context}`, c.prefillTokensPerSecond],
        [`decode at ${c.context}`, c.decodeTokensPerSecond],
        [`first token at ${c.context}`, c.firstTokenMs],
        [`bytes at ${c.context}`, c.perToken.bytes],
      ]),
    ),
    ...Object.fromEntries(kernels.map((k) => [`${k.mode} ${k.name} at ${k.step.length}`, Math.min(k.ms, k.share)])),
  };
  expect(Object.entries(positive).filter(([, value]) => !(Number.isFinite(value) && value > 0))).toEqual([]);
  expect(contexts.map(({ context }) => context)).toEqual([16, 40]);
  expect(new Set(kernels.map(({ mode }) => mode))).toEqual(new Set(['decode', 'prefill', 'draw']));
  expect(checked).toMatchObject({ tokens: 5, expected: 5, contexts: 2, kernels: kernels.length });
  expect(checked.selfTests).toBeGreaterThan(5);
  expect(checked.rows).toBeGreaterThan(40);
  expect(measured.plan).toMatchObject({ verdict: 'fits', streamedBytes: 0 });
  expect(text).toMatch(/^plan {6}fits: /m);
  expect(perToken.creations).toBe(0);
  // What people see.
  await expect(page.getByRole('status')).toHaveText('Done. Every output that was timed was checked.');
  await expect(page.getByLabel('Report')).toHaveText(text);
  await expect(page.getByRole('img', { name: /^Milliseconds per token over context: measured [\d.]+/ }).locator('canvas')).toBeVisible();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as JSON' }).click();
  const saved = JSON.parse(readFileSync(await (await downloading).path(), 'utf8')) as Omit<PageResult, 'text'>;
  expect(saved.report).toEqual(measured);
  record({
    point: 'bench.html: a report of a tiny model, every output checked',
    command: 'npx playwright test e2e/bench.spec.ts',
    value: { ...checked, kernelKinds: new Set(kernels.map(({ name }) => name)).size },
  });
});

test('of several budgets it tells tokens per second, bytes by tier, what is hidden, stalls and reads', async ({ page }) => {
  test.skip(!isFull, 'loads the model 20 times; WINDROW_FULL=1 runs it');
  const { sweep, text } = await report(page, `${plain}&quick=1&sweep=1`);
  expect(sweep!.budgets.map(({ name }) => name)).toEqual(['100 %', '75 %', '50 %', '25 %', 'smallest']);
  for (const { name, streamedBytes, perToken, decodeTokensPerSecond, hidden, meanReadBytes, kneeBytes } of sweep!.budgets) {
    expect(decodeTokensPerSecond, name).toBeGreaterThan(0);
    expect(perToken.uploadedBytes, name).toBe(streamedBytes);
    if (!streamedBytes) continue;
    // A transfer may take no time that the clock shows, and so small a model tells nothing of what reads cost.
    expect([meanReadBytes, perToken.transferMs > 0 ? hidden : 0, kneeBytes ?? 0].every((value) => value! >= 0), name).toBe(true);
  }
  expect(text).toContain('uploaded/token');
});

test('other tokens than those expected fail the run', { tag: '@repeats' }, async ({ page }) => {
  expect(await outcome(page, `${plain}&quick=1&expect=1,2,3`)).toHaveProperty(
    'error',
    expect.stringMatching(/^The tokens are \d+,\d+,\d+; expected were 1,2,3\.$/),
  );
  await expect(page.getByRole('alert')).toContainText('The benchmark failed');
  await expect(page.getByLabel('Report')).toHaveCount(0);
});

for (const { title, from, to, error } of [
  {
    title: 'a kernel of the model that computes wrongly',
    from: 'return x / (1.0 + exp(',
    to: 'return 1.01 * x / (1.0 + exp(',
    error: /kernels of this model compute wrongly/,
  },
  {
    title: "a kernel of the device's peak that computes wrongly",
    from: 'results[thread.x] = dot(',
    to: 'results[thread.x] = 0.99 * dot(',
    error: /multiply-add kernel of the benchmark computed wrongly/,
  },
]) {
  // Each is about as long as a whole run; tuning-gpu has kernels that compute wrongly in the short one.
  test(`${title} fails the run, visibly`, { tag: '@repeats' }, async ({ page }) => {
    let spoilt = 0;
    await page.context().route(/\/assets\/.*\.js$/, async (route) => { // in whichever chunk it is
      const response = await route.fetch();
      const text = await response.text();
      spoilt += text.split(from).length - 1;
      await route.fulfill({ response, body: text.replaceAll(from, to) });
    });
    const found = await outcome(page, `${plain}&quick=1`);
    expect(spoilt).toBeGreaterThan(0);
    expect(found).toHaveProperty('error', expect.stringMatching(error));
    await expect(page.getByRole('alert')).toContainText('The benchmark failed');
  });
}
