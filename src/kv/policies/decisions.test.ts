// What policies keep after a prompt, by the scores that the goldens' own model gave there: the definitions, without any GPU. Positions are those of
// the float64 reference; what is decided in chunks is compared on GPUs alone (test/gpu/kv).
import { describe, expect, it } from 'vitest';
import { byRuns, rank, rankJointly } from '../../reference/kv/kv-rank.ts';
import { floatsFixture, jsonFixture } from '../../../test/models/fixture.ts';
import { pyramid } from './kept/pyramidkv.ts';
import { sharesOf as arkvShares } from './coded/arkv.ts';
import { curveOf, sharesOf } from './kept/prefixkv.ts';
import { chunksOf, skewOf } from './read/leoam.ts';

interface Golden {
  name: string;
  options: Record<string, number>;
  /** (tick, layer, kv head) runs [first, last] of positions */
  kept: [number, number][][][][];
  bytes: number[];
}
type Scores = Record<'mean16' | 'snap16' | 'sum', number[][][]> & { moments: number[][] };

function load(model: string): { prompt: number; cases: Golden[]; scores: Scores } {
  const { entries } = jsonFixture<{ entries: Record<keyof Scores, { at: number; shape: number[] }> }>(`kv/${model}.observe.json`);
  const all = floatsFixture(`kv/${model}.observe.f32`);
  const scores = Object.fromEntries(Object.entries(entries).map(([name, { at, shape: [layers, heads, slots = 0] }]) => {
    if (!slots) return [name, Array.from({ length: layers }, (_, layer) => [...all.subarray(at + layer * heads, at + (layer + 1) * heads)])];
    const row = (layer: number, head: number) => [...all.subarray(at + (layer * heads + head) * slots, at + (layer * heads + head + 1) * slots)];
    return [name, Array.from({ length: layers }, (_, layer) => Array.from({ length: heads }, (_, head) => row(layer, head)))];
  }));
  return { ...jsonFixture<{ prompt: number; cases: Golden[] }>(`kv/${model}.json`), scores: scores as Scores };
}

/** Of the fixtures. */
const heads = (model: string) => (model === 'tiny-llama-f16' ? { kvHeads: 2, headDim: 64 } : { kvHeads: 2, headDim: 32 });

describe.each(['tiny-llama-f16', 'tiny-qwen3'])('of %s', (model) => {
  const { prompt, cases, scores } = load(model);
  const positions = (runs: [number, number][]) => runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
  const golden = (name: string) => {
    const { options, kept } = cases.find((each) => each.name === name)!;
    return { options, slots: Math.ceil((options.budget ?? 1) * prompt), kept: kept[0].map((layer) => layer.map(positions)) };
  };
  /** Of the positions before the window what is chosen, and the window. */
  const withWindow = (window: number, chosen: number[][][]) =>
    chosen.map((layer) => layer.map((head) => [...head, ...Array.from({ length: window }, (_, i) => prompt - window + i)]));
  const old = (rows: number[][], window: number) => rows.map((row) => row.slice(0, prompt - window));

  it.each([['snapkv', 'snap16'], ['heavy-prompt', 'sum']] as const)('%s', (name, score) => {
    const { options: { window }, slots, kept } = golden(name);
    expect(withWindow(window, scores[score].map((layer) => old(layer, window).map((row) => rank(row, slots - window))))).toEqual(kept);
  });

  it('chunks of leoam', () => {
    const { cases: [, { chunks }] } = jsonFixture<{ cases: { chunks: number[] }[] }>(`kv/${model}.lag.json`);
    expect(chunksOf(scores.mean16.map((layer) => skewOf(layer.map((row) => row.slice(4)), prompt)))).toEqual(chunks);
  });

  it('recent, streaming', () => {
    for (const name of ['recent', 'streaming']) {
      const { options: { sinks = 0 }, slots, kept } = golden(name);
      const all = Array.from({ length: prompt }, (_, i) => i);
      expect(scores.sum.map((layer) => layer.map(() => rank(all, slots, sinks)))).toEqual(kept);
    }
  });

  it('pyramid', () => {
    const { options: { window, beta }, slots, kept } = golden('pyramid');
    const counts = pyramid(scores.snap16.length, slots, window, beta);
    expect(withWindow(window, scores.snap16.map((layer, l) => old(layer, window).map((row) => rank(row, Math.min(counts[l], prompt) - window))))).toEqual(kept);
  });

  it('prefix', () => {
    const { options: { window }, slots, kept } = golden('prefix');
    const counts = sharesOf(scores.snap16.map((layer) => curveOf(old(layer, window))), slots, window);
    expect(counts.reduce((a, b) => a + b, 0)).toBe(slots * counts.length);
    expect(withWindow(window, scores.snap16.map((layer, l) => old(layer, window).map((row) => rank(row, Math.min(counts[l], prompt) - window))))).toEqual(kept);
  });

  it('arkv', () => {
    const { options: { window, bits }, slots, kept } = golden('arkv');
    const moments = scores.moments.map(([entropy, variance, kurtosis]) => ({ entropy, variance, kurtosis }));
    const { kvHeads, headDim } = heads(model);
    const [whole, code] = [4 * headDim, (2 * headDim * bits) / 8 + 8 * Math.ceil(headDim / 32)];
    const counts = arkvShares(moments).map((share) => Math.max(window, Math.floor(share * slots)));
    const codes = counts.map((count) => Math.min(prompt - count, Math.floor(((slots - count) * whole) / code)));
    expect(cases.find(({ name }) => name === 'arkv')!.bytes[0]).toBe(kvHeads * counts.reduce((sum, count, l) => sum + count * whole + codes[l] * code, 0));
    expect(withWindow(window, scores.snap16.map((layer, l) => old(layer, window).map((row) => rank(row, counts[l] + codes[l] - window))))).toEqual(kept);
  });

  it('heads', () => {
    const { options: { window, floor }, slots, kept } = golden('heads');
    const least = Math.floor(floor * slots);
    const chosen = scores.snap16.map((layer) => {
      const rows = old(layer, window);
      return rankJointly(rows, (slots - window - least) * rows.length, rows.map((row) => rank(row, least)));
    });
    expect(withWindow(window, chosen)).toEqual(kept);
  });

  it.each([['windowkv', 'largest'], ['windowkv-gather', 'mean']] as const)('%s', (name, how) => {
    const { options: { window, size, layers }, slots, kept } = golden(name);
    const chosen = scores.mean16.map((_, l) => {
      const rows = old(scores.mean16[l - (l % layers)], window);
      return rows.map(() => rank(byRuns(rows, size, how), Math.floor((slots - window) / size) * size));
    });
    expect(withWindow(window, chosen)).toEqual(kept);
  });
});
