// Tests in Node: `unit` needs no GPU; `gpu` (*-gpu.test.ts) runs on Dawn, on the adapter of VK_ICD_FILENAMES, two files at a time on
// software ones, as compiling for them takes one core; `firefox` drives the built page there (`npm run build` first).
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const minute = 60_000;
const include = ['src', 'bench', 'test', 'scripts'].flatMap((folder) => [`${folder}/**/*.test.ts`]);
const gpu = '**/*-gpu.test.ts';

/** Examples import the package by its names, as programs do. */
const named = Object.fromEntries(
  [['remote', 'remote'], ['node', 'node'], ['ai-sdk', 'ai-sdk/ai-sdk'], ['prompt-api', 'prompt-api/prompt-api']].map(([name, path]) =>
    [`windrow/${name}`, fileURLToPath(new URL(`src/${path}.ts`, import.meta.url))]),
);
const windrow = fileURLToPath(new URL('src/index.ts', import.meta.url));

export default defineConfig({
  resolve: { alias: [...Object.entries(named).map(([find, replacement]) => ({ find, replacement })), { find: /^windrow$/, replacement: windrow }] },
  test: {
    pool: 'forks', // Dawn is a native module: each file gets a process of its own
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'unit', include, exclude: [gpu, '**/node_modules/**'], testTimeout: minute, hookTimeout: minute } },
      {
        extends: true,
        test: {
          name: 'gpu',
          include: include.map((path) => path.replace('.test.ts', '-gpu.test.ts')),
          ...(process.env.WINDROW_GPU === '1' && { maxWorkers: 1, fileParallelism: false }),
          testTimeout: 15 * minute,
          hookTimeout: 5 * minute,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'firefox',
          include: ['e2e/firefox/*.test.ts'],
          retry: process.env.CI ? 1 : 0, // as of the pages in Chromium
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 10 * minute,
          hookTimeout: 5 * minute,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
