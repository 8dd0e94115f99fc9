// Serves the pages that only tests open, and those that guides show (e2e/pages). No part of any build.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const source = (path: string): string => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('pages', import.meta.url)),
  cacheDir: fileURLToPath(new URL('../node_modules/.vite-e2e', import.meta.url)),
  // Examples import the package by its names, as programs do.
  resolve: {
    alias: [
      { find: /^windrow$/, replacement: source('index.ts') },
      { find: 'windrow/ai-sdk', replacement: source('ai-sdk/ai-sdk.ts') },
      { find: 'windrow/prompt-api', replacement: source('prompt-api/prompt-api.ts') },
      { find: 'windrow/remote', replacement: source('remote.ts') },
      { find: 'windrow/service-worker', replacement: source('service-worker.ts') },
    ],
  },
  server: { host: '127.0.0.1', fs: { allow: [fileURLToPath(new URL('..', import.meta.url))] }, hmr: false, watch: null },
});
