// A browser with a profile on disk and a page with windrow's library, for tests of what is stored. Tests may kill the
// whole browser and open the profile again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, test as base, type BrowserContext, type Page } from '@playwright/test';
import { chromiumArgs, findChromium } from '../../scripts/browser.mjs';
import { browsersOf } from '../../scripts/bench/pss.mjs';
import type * as windrow from '../../src/index.ts';
import { type ImportJob, type ModelLibrary, type StoredModel } from '../../src/index.ts';
import { type LoadProgress } from '../../src/protocol.ts';
import { startOrigin, type Origin } from './origin.ts';
import { kernels } from './tiny-model.ts';

/** What `openPage` puts on the page's window. */
export interface LibraryWindow {
  library: ModelLibrary;
  job: ImportJob;
  progress: LoadProgress[];
  createEngine: typeof windrow.createEngine;
}

export interface Profile {
  path: string;
  /** The browser on this profile, started if need be. */
  open(): Promise<BrowserContext>;
  /** Kills it as a crash would. */
  kill(): Promise<void>;
}

/** `models`: a folder for model files, served by `origin`. */
export const test = base.extend<{ models: string; origin: Origin; profile: Profile }>({
  models: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'windrow-models-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
  origin: async ({ models }, use) => {
    const origin = await startOrigin(models);
    await use(origin);
    await origin.close();
  },
  profile: async ({}, use) => {
    const path = mkdtempSync(join(tmpdir(), 'windrow-profile-'));
    let context: BrowserContext | undefined;
    await use({
      path,
      open: async () => (context ??= await chromium.launchPersistentContext(path, { executablePath: findChromium(), args: chromiumArgs })),
      async kill() {
        for (const pid of browsersOf(path)) process.kill(pid, 'SIGKILL');
        await context?.close().catch(() => {});
        context = undefined;
      },
    });
    await context?.close();
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  },
});

/** A page of `origin` with the library open on it. */
export async function openPage(context: BrowserContext, origin: Origin): Promise<Page> {
  const page = await context.newPage();
  await page.goto(origin.url);
  await page.evaluate(async ([script, kernels]) => {
    const { openLibrary, createEngine } = (await import(script)) as typeof windrow;
    const quick: typeof createEngine = (options) => createEngine({ kernels, ...options });
    Object.assign(window, { library: openLibrary(), createEngine: quick, progress: [] });
  }, [`${origin.url}/lib/index.js`, kernels] as const);
  return page;
}

type ModelReference = string | { repo: string; token?: string };
interface Settings {
  sha256?: string | string[];
  connections?: number;
  hub?: string;
  encryption?: { passphrase: string };
}

/** Starts an import and returns at once. */
export const beginImport = (page: Page, model: ModelReference, settings: Settings = {}): Promise<void> =>
  page.evaluate(
    ([source, options]) => {
      const w = window as unknown as LibraryWindow;
      w.progress = [];
      w.job = w.library.importModel({ model: source, ...options, onProgress: (progress) => w.progress.push(progress) });
    },
    [model, settings] as const,
  );

export const importDone = (page: Page): Promise<StoredModel> => page.evaluate(() => (window as unknown as LibraryWindow).job.done);

export async function importModel(page: Page, ...args: [ModelReference, Settings?]): Promise<StoredModel> {
  await beginImport(page, ...args);
  return importDone(page);
}

export const progressOf = (page: Page): Promise<LoadProgress[]> => page.evaluate(() => (window as unknown as LibraryWindow).progress);
