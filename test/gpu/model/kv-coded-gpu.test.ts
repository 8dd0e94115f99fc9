// What the coder of saved conversations brings on SmolLM2-135M, of 256 tokens of text: bytes of a number, beside what an ideal coder of the same codes takes
// by the reference programs (3.84 of 4 bits by KIVI, and a bit for scales and minimums, which that one does not code).
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { decodeParts, encodeParts } from '../../../src/kv/saved/coding/coded.ts';
import { kindsOfParts, saveParts } from '../../../src/kv/saved/saved.ts';
import { adapterFile } from '../../dawn.ts';
import { defaultModelPath } from '../../models/default-model.ts';
import { jsonFixture } from '../../models/fixture.ts';
import { openBytes, sharedGpu, testChoice } from '../../models/model.ts';
import { isFull } from '../../verified.ts';

const kinds = [
  { kv: 'kivi4', atMost: 0.98 }, { kv: 'kivi3', atMost: 0.98 }, { kv: 'f16', atMost: 0.95 }, { kv: 'q8', atMost: 0.98 },
];

/** Of them the first; the reference programs took 1024. */
const count = 256;
const isRun = adapterFile && defaultModelPath && isFull;

it.skipIf(!isRun).each(kinds)('a saved conversation under $kv is smaller coded, and the same decoded', async ({ kv, atMost }) => {
  const { documents } = jsonFixture<{ documents: { prompt: number[] }[] }>('kv/probes.json');
  const isFormat = kv === 'f16' || kv === 'q8';
  const model = await openBytes(await sharedGpu(), new Uint8Array(readFileSync(defaultModelPath!)), {
    choice: { ...testChoice, splits: 1, prefill: 'tile' }, chunk: 128, logitsRows: 1, context: 1056, kv: kvFormat(isFormat ? kv : 'f16'),
    ...(!isFormat && { policy: { name: kv } }),
  });
  const { home, sequence } = model;
  await createRunner(model).feed(documents[0].prompt.slice(0, count), 0);
  const parts = await saveParts(home, sequence, 'smollm2');
  const pageKinds = kindsOfParts(home, sequence);
  const before = performance.now();
  const coded = await encodeParts(parts, pageKinds);
  const between = performance.now();
  const back = await decodeParts(coded, pageKinds);
  const seconds = [between - before, performance.now() - between].map((ms) => (ms / 1000).toFixed(1));
  expect(back).toEqual(parts);
  const [plain, small] = [parts, coded].map((all) => all.reduce((sum, { byteLength }) => sum + byteLength, 0));
  console.log(`${kv}: ${plain} bytes, coded ${small} (${(small / plain).toFixed(3)}), ${seconds.join(' and ')} s`);
  expect(small / plain).toBeLessThan(atMost);
  await model.destroy();
}, 1_200_000);
