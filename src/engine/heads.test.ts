// What a plan takes for how far back heads look, before any is measured.
import { expect, test } from 'vitest';
import { fixture } from '../../test/models/fixture.ts';
import { readHeader } from '../gguf/read.ts';
import { type LoadOptions } from '../protocol.ts';
import { bytesSource } from '../weights/source/source.ts';
import { type Host } from './engine.ts';
import { plannedHeads } from './heads.ts';
import { openModel } from './load/opened.ts';

test('a plan takes the scores that were kept of a model, but not with adapters, with which heads look elsewhere', async () => {
  const opened = await openModel(await readHeader(bytesSource(fixture('stories260K/stories260K.gguf'), 'stories')));
  const { layers, kvHeads } = opened.graph.config;
  const of = (score: number) => Array.from({ length: layers }, () => new Array<number>(kvHeads).fill(score));
  const host = { heads: { get: async () => of(1), set: () => expect.fail('nothing is kept by a plan') } } as unknown as Host;
  const options: LoadOptions = { kv: 'duo-kivi' };
  expect((await plannedHeads(host, opened, options)).kvHeads).toEqual(of(1));
  expect((await plannedHeads(host, { ...opened, adapters: [] }, options)).kvHeads).toEqual(of(0));
});
