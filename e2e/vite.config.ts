// Serves the pages that only tests open (e2e/pages). No part of any build.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('pages', import.meta.url)),
  cacheDir: fileURLToPath(new URL('../node_modules/.vite-e2e', import.meta.url)),
  server: { host: '127.0.0.1', fs: { allow: [fileURLToPath(new URL('..', import.meta.url))] }, hmr: false, watch: null },
});
