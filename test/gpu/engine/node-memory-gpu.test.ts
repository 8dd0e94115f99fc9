// A program in Node that loads one model after another keeps none of their devices: each holds memory and threads.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildNode, root } from '../../built.ts';
import { adapterFile } from '../../dawn.ts';
import { fixture } from '../../models/fixture.ts';
import { temporaryFolder } from '../../folder.ts';

it.skipIf(!adapterFile)('lets go of the device of every model that is unloaded', async () => {
  buildNode();
  const folder = temporaryFolder('memory');
  const model = join(folder, 'model.gguf');
  writeFileSync(model, fixture('stories260K/stories260K.gguf'));
  const env = { ...process.env, VK_ICD_FILENAMES: adapterFile, XDG_CACHE_HOME: folder };
  const printed = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, ['--expose-gc', join(root, 'test/loads-in-a-row.mjs'), model, '6'], { env }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
  const left = JSON.parse(printed.trim().split('\n').at(-1)!) as { alive: number; threads: number }[];
  expect(left).toHaveLength(6);
  expect(Math.max(...left.map(({ alive }) => alive)), JSON.stringify(left)).toBeLessThanOrEqual(1); // the last one may go with the next
  expect(left[5].threads - left[1].threads, JSON.stringify(left)).toBeLessThanOrEqual(2); // each that stayed would have two
});
