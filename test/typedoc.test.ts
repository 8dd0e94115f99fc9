// The reference of the types (`npm run docs`) is made without a warning: no link within it leads nowhere. In the full run, as it takes half a minute.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isFull } from './verified.ts';
import { temporaryFolder } from './folder.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

test.skipIf(!isFull)('the reference is made without a warning', { timeout: 300_000 }, async () => {
  const out = temporaryFolder('reference');
  const [code, told] = await new Promise<[number, string]>((resolve) => {
    const args = [join(root, 'node_modules/typedoc/bin/typedoc'), '--treatWarningsAsErrors', '--out', out];
    execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => resolve([error ? Number(error.code) : 0, stdout + stderr]));
  });
  expect(told).not.toMatch(/warning/i);
  expect([code, existsSync(join(out, 'index.html')), existsSync(join(out, 'interfaces'))]).toEqual([0, true, true]);
});
