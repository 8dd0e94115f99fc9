// Answers that are longer than the context, on Dawn: with `shift` each part is what the model gives to what is left of the text, also where a
// state cannot be cut.
import { afterAll, describe, expect, it } from 'vitest';
import { shifted } from '../../../src/engine/run/answer/overflow.ts';
import { adapterFile } from '../../dawn.ts';
import { answer, bytesOf, openEngine, quick, stories } from '../../engine.ts';

const context = 48;

describe.skipIf(!adapterFile)('an answer longer than the context', () => {
  const engine = adapterFile ? openEngine() : undefined!;
  afterAll(() => engine.unload());

  const models = { stories260K: stories, 'tiny-lfm2': () => bytesOf('tiny/tiny-lfm2.gguf') };
  it.each(Object.entries(models))('%s goes on from its first tokens and the latest', async (_, open) => {
    await engine.load(open(), { ...quick, context });
    const prompt = Array.from({ length: 20 }, (_, i) => 5 + i);
    const { ids, stats, reason } = await answer(engine, { prompt: { tokens: prompt }, maxTokens: 100, overflow: 'shift' });
    const text = [...prompt];
    const parts: number[] = [];
    for (let left = 100; left > 0; ) {
      const part = await answer(engine, { prompt: { tokens: text }, maxTokens: left });
      parts.push(...part.ids);
      left -= part.ids.length;
      if (part.reason !== 'length') break;
      text.push(...part.ids);
      if (text.length === context) text.splice(0, Infinity, ...shifted(text, context));
    }
    expect(ids).toEqual(parts);
    if (reason === 'length') expect([ids.length, stats.droppedTokens]).toEqual([100, 24 * Math.ceil((120 - context) / 24)]);
    const long = Array.from({ length: 70 }, (_, i) => 5 + i);
    const cut = await answer(engine, { prompt: { tokens: long }, maxTokens: 5, overflow: 'shift' });
    expect([cut.stats.promptTokens, cut.ids]).toEqual([24, (await answer(engine, { prompt: { tokens: shifted(long, context) }, maxTokens: 5 })).ids]);
  });
});
