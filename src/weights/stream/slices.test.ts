// Cuts of sections against plain walks from panel to panel, and where no walk would end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../../../test/models/fixture.ts';
import { openModel } from '../../engine/load/opened.ts';
import { readHeader } from '../../gguf/read.ts';
import { type Matrix, type Section, cuttableOf, matricesOf } from '../layout.ts';
import { bytesSource } from '../source/source.ts';
import { type Span, countRuns, cutMatrix, cutSection, rangesOf, spansOf } from './slices.ts';

/** Matrices of so many panels of so many bytes behind vectors, and behind them a pool of so many items. */
function sectionOf(vectorBytes: number, sizes: readonly { panels: number; panelBytes: number }[], items = { panels: 0, panelBytes: 0 }): Section {
  let offset = vectorBytes;
  const stacks = sizes.map(({ panels, panelBytes }) => {
    const matrix = { panels: { panels, panelBytes }, offset } as Matrix;
    offset += panels * panelBytes;
    return [matrix];
  });
  const pool = items.panels ? { pool: { offset, itemBytes: items.panelBytes, items: Array.from({ length: items.panels }, () => []) } } : {};
  return { name: 'layer', vectors: [], vectorBytes, stacks, ...pool, byteLength: offset + items.panels * items.panelBytes };
}

/** Where a section may be cut: behind its vectors, every panel and every item of its pool. */
const cutsOf = (section: Section): number[] => [
  section.vectorBytes,
  ...cuttableOf(section).flatMap(({ offset, panels: { panels, panelBytes } }) => Array.from({ length: panels }, (_, i) => offset + (i + 1) * panelBytes)),
];

/** Takes one place to cut after the other, and cuts at the last one as soon as a span would be too large. */
function walked(section: Section, { start, end }: Span, most: number): Span[] {
  const spans = [];
  let last = start;
  for (const cut of cutsOf(section).filter((each) => each > start && each <= end)) {
    if (cut - start > most && last > start) {
      spans.push({ start, end: last });
      start = last;
    }
    last = cut;
  }
  return [...spans, { start, end }];
}

const size = fc.record({ panels: fc.integer({ min: 1, max: 9 }), panelBytes: fc.integer({ min: 1, max: 5 }) });
const sections = fc
  .record({ vectors: fc.nat(4), sizes: fc.array(size, { minLength: 1, maxLength: 4 }), items: fc.option(size, { nil: undefined }) })
  .map(({ vectors, sizes, items }) => sectionOf(vectors, sizes, items));

describe('a slice', () => {
  it('is cut at the same panels as by a walk over all of them', () => {
    const parts = fc.tuple(sections, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 12 }));
    fc.assert(
      fc.property(parts, ([section, first, second, maxBufferBytes, maxBindingBytes]) => {
        const cuts = [0, ...cutsOf(section)];
        const [start, end] = [cuts[first % cuts.length], cuts[second % cuts.length]].sort((a, b) => a - b);
        fc.pre(start < end);
        const spans = spansOf(section, { start, end }, maxBufferBytes);
        expect(spans).toEqual(walked(section, { start, end }, maxBufferBytes));
        for (const matrix of cuttableOf(section)) {
          for (const most of [maxBindingBytes, Infinity]) expect(countRuns(matrix, spans, most)).toBe(cutMatrix(matrix, spans, most).length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is cut by arithmetic: a walk over 10^12 panels would not end', () => {
    const section = sectionOf(256, [{ panels: 1e12, panelBytes: 256 }, { panels: 1e12, panelBytes: 512 }]);
    const slice = { start: 0, end: section.byteLength };
    expect(spansOf(section, slice, Infinity)).toEqual([slice]);
    const spans = spansOf(section, slice, section.byteLength / 4);
    expect(spans).toHaveLength(5);
    for (const { start, end } of spans) expect(end - start).toBeLessThanOrEqual(section.byteLength / 4);
    const [small, large] = matricesOf(section);
    expect(countRuns(small, spans, Infinity)).toBe(2); // a third of the bytes
    expect(countRuns(large, spans, 512)).toBe(1e12);
  });

  it('lies in slabs as a look at every slab says', async () => {
    const path = 'tiny/tiny-llama-k.gguf';
    const { layout } = await openModel(await readHeader(bytesSource(fixture(path), path)));
    const thirds = layout.sections.flatMap((section, index) => cutSection(layout, index, Math.ceil(section.byteLength / 3)));
    const slabs = thirds.map(({ section, start, end }) => ({ section, offset: start, byteLength: end - start }));
    const cut = { ...layout, slabs };
    for (const [index, section] of layout.sections.entries()) {
      for (const slice of cutSection(layout, index, Math.ceil(section.byteLength / 5))) {
        const looked = slabs.flatMap(({ section: of, offset, byteLength }, slab) => {
          const start = Math.max(offset, slice.start);
          const length = Math.min(offset + byteLength, slice.end) - start;
          return of === index && length > 0 ? [{ slab, offset: start - offset, length, start }] : [];
        });
        expect(rangesOf(cut, slice)).toEqual(looked);
      }
    }
  });
});
