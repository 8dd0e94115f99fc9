import { expect, test } from 'vitest';
import { fixture } from '../../test/models/fixture.ts';
import { readHeader } from '../gguf/read.ts';
import { bytesSource } from '../weights/source/source.ts';
import { type ModelFileOptions } from './architecture.ts';
import { buildGraph } from './build.ts';
import { parametersOf } from './parameters.ts';

async function of(path: string, how?: ModelFileOptions) {
  const header = await readHeader(bytesSource(fixture(path), path));
  return parametersOf(header, buildGraph(header, how));
}

test('a token uses all parameters of a dense model, and of a mixture those of the experts that it has', async () => {
  const dense = await of('tiny/tiny-qwen3.gguf');
  expect(dense.active).toBe(dense.all);
  for (const neurons of [false, true]) {
    const { all, active } = await of('sparse/stories-smallthinker.q8_0.gguf', { neurons });
    expect(all).toBe(1_840_256);
    expect(all - active).toBe(4 * 6 * 3 * 128 * 128); // six of eight experts in four layers, three matrices each
  }
});
