// Three builds: the page (dist/app), the library (`--mode lib`, dist/lib) and the engine for Node (`--mode node`, dist/node).
import { existsSync } from 'node:fs';
import { defineConfig, type UserConfig } from 'vite';
import { contentSecurityPolicy } from './scripts/site/csp.mjs';
import { litForServers } from './scripts/site/lit-for-servers.mjs';
import { plainShaders } from './scripts/site/plain-shaders.mjs';
import { progressiveWebApp } from './scripts/site/pwa.mjs';
import { serveModels } from './scripts/serve-models.mjs';
import { recordedBy } from './scripts/site/recorded-by.mjs';
import { checkSizes } from './scripts/site/sizes.mjs';

const target = 'es2022';

const page: UserConfig = {
  appType: 'mpa', // an address without a file is a 404, not the chat page
  base: './', // the page may lie in any folder of a server
  plugins: [serveModels(), contentSecurityPolicy(), progressiveWebApp(), plainShaders(), recordedBy(), checkSizes()],
  worker: { format: 'es', plugins: () => [plainShaders()] },
  build: {
    target,
    outDir: 'dist/app',
    emptyOutDir: true,
    rolldownOptions: { input: ['index.html', 'embed.html', 'bench.html'].filter((file) => existsSync(file)) },
  },
  server: { host: '127.0.0.1' },
  preview: { host: '127.0.0.1' },
};

const library: UserConfig = {
  base: './',
  publicDir: false,
  plugins: [litForServers(), plainShaders(), recordedBy()],
  // One file: bundlers copy it as it is.
  worker: { format: 'es', plugins: () => [plainShaders()], rolldownOptions: { output: { entryFileNames: 'worker.js', codeSplitting: false } } },
  build: {
    target,
    outDir: 'dist/lib',
    emptyOutDir: true,
    lib: {
      entry: {
        index: 'src/index.ts',
        elements: 'src/ui/elements/elements.ts',
        'service-worker': 'src/service-worker.ts',
        'ai-sdk': 'src/ai-sdk/ai-sdk.ts',
        'prompt-api': 'src/prompt-api/prompt-api.ts',
        remote: 'src/remote.ts',
      },
      formats: ['es'],
    },
  },
};

const node: UserConfig = {
  publicDir: false,
  plugins: [plainShaders(), recordedBy()],
  ssr: { noExternal: true, external: ['webgpu'] }, // Dawn is native; everything else goes in
  build: {
    target: 'node20',
    ssr: true,
    outDir: 'dist/node',
    emptyOutDir: true,
    rolldownOptions: { input: { node: 'src/node.ts', cli: 'src/cli/main.ts' }, output: { entryFileNames: '[name].js' } },
  },
};

export default defineConfig(({ mode }) => (mode === 'lib' ? library : mode === 'node' ? node : page));
