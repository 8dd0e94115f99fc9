// What the processor attends to, and what it becomes joined with what else a head sees, to attention in float64 over all slots.
import { describe, expect, it } from 'vitest';
import { isFull, record } from '../../../test/verified.ts';
import { mulberry32 } from '../../random.ts';
import { kvFormat } from '../formats/catalogue.ts';
import { pageSlots, unitsAt, unitsOf } from '../formats/format.ts';
import { createPartial, partialFloats } from './partial.ts';

const sizes = { queryHeads: 6, kvHeads: 2, headDim: 18 };
const slots = 100;
const group = sizes.queryHeads / sizes.kvHeads;
const dims = 20;

const random = mulberry32(7);
const numbers = (size: number): Float32Array => Float32Array.from({ length: sizes.headDim }, () => size * (2 * random() - 1));
const heads = Array.from({ length: sizes.kvHeads }, () => Array.from({ length: slots }, () => ({ key: numbers(1.5), value: numbers(1) })));
/** Scores of very different sizes. */
const queries = Array.from({ length: sizes.queryHeads }, (_, head) => numbers(head === 1 ? 40 : 2));

const padded = (): Float32Array => {
  const all = new Float32Array(sizes.queryHeads * dims);
  queries.forEach((query, head) => all.set(query, head * dims));
  return all;
};

/** The pages of a head as they lie in worker memory, and what attention reads of its slots. */
function pagesOf(name: string, head: number) {
  const format = kvFormat(name);
  const units = unitsOf(format, sizes.headDim);
  const pages = Array.from({ length: Math.ceil(slots / pageSlots) }, () => new Uint32Array(format.words(sizes.headDim)));
  const read = heads[head].map((slot, n) => {
    const put = (what: 'keys' | 'values', given: Float32Array): Float32Array => {
      const words = format.encode(given);
      const { first, step } = unitsAt(what, units, n % pageSlots);
      for (let unit = 0; unit < units; unit++)
        pages[Math.floor(n / pageSlots)].set(words.subarray(unit * format.unitWords, (unit + 1) * format.unitWords), (first + unit * step) * format.unitWords);
      return format.decode(words, sizes.headDim);
    };
    return { key: put('keys', slot.key), value: put('values', slot.value) };
  });
  return { pages: pages.map(({ buffer }) => new Uint8Array(buffer)), read };
}

/** (query head) sums of weighted values, maximum and total of some slots, in float64 one after the other. */
function exactly(read: ReturnType<typeof pagesOf>['read'][], head: number, [from, to]: [number, number], scale: number, softcap: number) {
  const own = read[Math.floor(head / group)].slice(from, to);
  const scores = own.map(({ key }) => {
    const score = scale * key.reduce((sum, k, d) => sum + k * queries[head][d], 0);
    return softcap ? softcap * Math.tanh(score / softcap) : score;
  });
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const sums = Array.from({ length: sizes.headDim }, (_, d) => weights.reduce((sum, weight, i) => sum + weight * own[i].value[d], 0));
  return { most, total: weights.reduce((a, b) => a + b, 0), sums };
}

describe.each(['f32', 'f16', 'q8'])('%s', (name) => {
  it.each([0, 5])('joined with the first and the last slots it is attention to all of them (soft cap %i)', (softcap) => {
    const scale = 0.4;
    const [first, end] = [5, 77];
    const each = heads.map((_, head) => pagesOf(name, head));
    const read = each.map((own) => own.read);
    const partial = createPartial({ ...sizes, scale, softcap }, kvFormat(name));
    const floats = new Float32Array(partialFloats(sizes));
    for (const again of [false, true]) {
      partial.begin(padded());
      each.forEach(({ pages }, head) => pages.forEach((page, row) => {
        const [from, to] = [first, end].map((slot) => Math.max(0, Math.min(pageSlots, slot - row * pageSlots)));
        if (from < to) partial.addPage(head, page, from, to);
      }));
      partial.write(floats);
      for (let head = 0; head < sizes.queryHeads; head++) {
        const own = floats.subarray(head * (dims + 4), (head + 1) * (dims + 4));
        const parts = [
          exactly(read, head, [0, first], scale, softcap), exactly(read, head, [end, slots], scale, softcap),
          { most: own[dims], total: own[dims + 1], sums: [...own.subarray(0, sizes.headDim)] },
        ];
        const most = Math.max(...parts.map((part) => part.most));
        const total = parts.reduce((sum, part) => sum + part.total * Math.exp(part.most - most), 0);
        const all = exactly(read, head, [0, slots], scale, softcap);
        for (let d = 0; d < sizes.headDim; d++) {
          const joined = parts.reduce((sum, part) => sum + part.sums[d] * Math.exp(part.most - most), 0) / total;
          expect(joined, `head ${head}, ${d}${again ? ', once more' : ''}`).toBeCloseTo(all.sums[d] / all.total, 5);
        }
        expect([...own.subarray(sizes.headDim, dims)], 'what heads are padded with').toEqual([0, 0]);
      }
    }
  });
});

it('without a slot it counts nothing beside any other', () => {
  const partial = createPartial({ ...sizes, scale: 1 }, kvFormat('f32'));
  const floats = new Float32Array(partialFloats(sizes));
  partial.begin(padded());
  partial.write(floats);
  expect([...floats.subarray(0, dims + 4)]).toEqual([...new Array<number>(dims).fill(0), Math.fround(-1e30), 0, 0, 0]);
});

/** What a layer costs the processor, of 2,048 slots: told, not held to anything. */
it.skipIf(!isFull).each([
  ['f32', { queryHeads: 9, kvHeads: 3, headDim: 64 }], ['f16', { queryHeads: 9, kvHeads: 3, headDim: 64 }],
  ['f32', { queryHeads: 16, kvHeads: 8, headDim: 128 }], ['f16', { queryHeads: 16, kvHeads: 8, headDim: 128 }],
] as const)('%s, %o: the time of 2,048 slots', (name, own) => {
  const format = kvFormat(name);
  const page = new Uint8Array(Uint32Array.from({ length: format.words(own.headDim) }, () => (random() * 2 ** 13) | 0x2c002c00).buffer);
  const partial = createPartial({ ...own, scale: 0.1 }, format);
  const query = Float32Array.from({ length: own.queryHeads * own.headDim }, () => random() - 0.5);
  const floats = new Float32Array(partialFloats(own));
  const times = Array.from({ length: 20 }, () => {
    const begun = performance.now();
    partial.begin(query);
    for (let head = 0; head < own.kvHeads; head++) for (let row = 0; row < 2048 / pageSlots; row++) partial.addPage(head, page, 0, pageSlots);
    partial.write(floats);
    return performance.now() - begun;
  });
  record({
    point: `Attention of the processor to 2,048 slots of a layer, ${own.queryHeads} query heads, ${own.kvHeads} kv heads of ${own.headDim}, ${name}`,
    command: 'WINDROW_FULL=1 npx vitest run --project unit src/kv/tiers/partial.test.ts', adapter: 'CPU', value: { ms: Math.min(...times).toPrecision(2) },
  });
  expect(floats.every(Number.isFinite)).toBe(true);
  expect(floats[own.headDim + 1], 'the total of a head').toBeGreaterThan(0);
});
