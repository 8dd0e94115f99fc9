// What bench/peers/compare.mjs says of the engines' texts and of windrow's plan.
import { describe, expect, it } from 'vitest';
import { summarise, tables } from '../bench/peers/report.mjs';

const ours = 'The girl walked over the bridge and saw a wide green valley.';
const started = (texts: Record<string, string>, about = {}) => Object.entries(texts).map(([name, text]) => ({
  name, about: name === 'windrow' ? about : {}, rounds: [{ text, promptN: 64, steps: 16, prefill: 1, decode: 1, cpuPrefill: 1, cpuDecode: 1 }],
}));
const compare = (texts: Record<string, string>, sameText = 32, about = {}) => summarise(started(texts, about), 64, 16, sameText);

describe('a comparison with other engines', () => {
  it('fails where windrow leaves the text of llama.cpp early, and says so', () => {
    const result = compare({ windrow: ours, 'llama-vulkan': `The girl ${ours.slice(4)}`, wasm: ours });
    expect(result.wrong).toEqual(['windrow leaves the text of llama-vulkan after 9 characters, where the first 32 have to be the same']);
    expect(tables(result)).toContain('WRONG: windrow leaves the text of llama-vulkan after 9 characters');
  });

  it('passes where they part later, where there is less text, and where nothing has to be the same', () => {
    expect(compare({ windrow: ours, 'llama-vulkan-flash': `${ours.slice(0, 32)} but` }).wrong).toEqual([]);
    expect(compare({ windrow: ours, 'llama-webgpu': ours.slice(0, 8) }).wrong).toEqual([]);
    expect(compare({ windrow: ours, 'llama-cpu': 'Another story.' }, 0).wrong).toEqual([]);
  });

  it('only shows the text of an engine that has other weights', () => {
    const result = compare({ windrow: ours, 'ort-webgpu': 'Another story.' });
    expect(result.wrong).toEqual([]);
    expect(tables(result)).toContain("its first 0 of 14 characters are windrow's");
  });

  it('says that windrow streams', () => {
    expect(tables(compare({ windrow: ours, wasm: ours }))).not.toContain('STREAMS');
    expect(tables(compare({ windrow: ours, wasm: ours }, 32, { streamedBytes: 3 * 2 ** 20 }))).toContain('windrow STREAMS 3.0 MiB of weights per token');
  });
});
