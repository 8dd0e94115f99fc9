// Tests in Chromium, on the built page. `npm run build` first; scripts/test.mjs does.
import { defineConfig } from '@playwright/test';
import { pagesPort, port } from './e2e/support/ports.ts';
import { chromiumArgs, findChromium } from './scripts/browser.mjs';
import { isFull } from './test/verified.ts';

const minute = 60_000;

const serve = (at: number, what: string, page = '') => ({
  command: `npx vite ${what} --host 127.0.0.1 --port ${at} --strictPort`,
  url: `http://127.0.0.1:${at}/${page}`,
  reuseExistingServer: false,
  timeout: minute,
});

export default defineConfig({
  testDir: 'e2e',
  testMatch: '**/*.spec.ts', // those of Firefox are e2e/firefox/*.test.ts, run by vitest
  ...(!isFull && { grepInvert: /@repeats/ }), // what another test shows too, of the page or of the engine; WINDROW_FULL=1 runs it
  workers: 2, // a test waits for one thing at a time: compiling for a software GPU takes one core
  fullyParallel: true,
  timeout: 10 * minute,
  expect: { timeout: minute },
  forbidOnly: Boolean(process.env.CI),
  retries: process.env.CI ? 1 : 0, // a busy machine may let a page wait too long once
  reporter: 'list',
  outputDir: 'test-results',
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    launchOptions: { executablePath: findChromium(), args: chromiumArgs },
    trace: 'off',
    serviceWorkers: 'block', // each context would keep the whole page for later; tests of what is kept allow them
  },
  webServer: [
    serve(port, 'preview'),
    serve(pagesPort, '--config e2e/vite.config.ts', 'kernels.html'), // pages for tests, from the sources
  ],
});
