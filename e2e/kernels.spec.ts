// GPU kernels against src/reference in Chromium, by pages/kernels.html, which runs the self-test: a check of most of them in the short run, as
// test/gpu/kernels has all on the same SwiftShader (test/short-checks.ts); in the full run every one, with all that the adapter offers, and those
// that limits and features bear upon with the default limits and no features.
import { expect, test } from '@playwright/test';
import { inChromium, underOtherLimits } from '../test/short-checks.ts';
import { isFull, record } from '../test/verified.ts';
import { type KernelsRun } from './pages/kernels.ts';
import { pagesPort } from './support/ports.ts';

const pages = `http://127.0.0.1:${pagesPort}/kernels.html`;

const minute = 60_000;
const devices = [
  { title: 'all that the adapter offers', query: isFull ? '' : `?only=${encodeURIComponent(`^${inChromium}`)}`, least: isFull ? 200 : 14 },
  {
    title: 'the default limits and no optional features',
    query: `?limits=default&without=subgroups,shader-f16&only=${encodeURIComponent(`^${underOtherLimits}`)}`,
    least: 12,
  },
];

for (const { title, query, least } of isFull ? devices : devices.slice(0, 1)) {
  test(`kernels give the numbers of the reference with ${title}`, async ({ page }) => {
    test.setTimeout(20 * minute); // two minutes alone on a quiet machine
    await page.goto(`${pages}${query}`);
    const done = await page.waitForFunction(() => window.kernels, undefined, { timeout: 19 * minute });
    const run = (await done.jsonValue()) as KernelsRun;
    expect(run.error).toBeUndefined();
    const skipped = run.results.filter((result) => result.skipped);
    console.log(`${run.results.length - skipped.length} checks with ${title} on ${run.adapter}`);
    for (const reason of new Set(skipped.map((result) => result.skipped)))
      console.log(`skipped: ${skipped.filter((result) => result.skipped === reason).length} checks, as ${reason}`);
    expect(run.results.length).toBeGreaterThan(least);
    expect(run.results.filter(({ passed }) => !passed)).toEqual([]);
    record({
      point: `Kernels against the reference in Chromium, with ${title}`, command: 'npx playwright test e2e/kernels.spec.ts',
      value: { checks: run.results.length - skipped.length, skipped: skipped.length, failed: 0 },
    });
  });
}
