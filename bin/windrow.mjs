#!/usr/bin/env node
// The command line, on the built package.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const built = fileURLToPath(new URL('../dist/node/cli.js', import.meta.url));
if (!existsSync(built)) {
  console.error('windrow is not built. Run: npm run build');
  process.exit(1);
}
const { main } = await import(built);
await main(process.argv);
