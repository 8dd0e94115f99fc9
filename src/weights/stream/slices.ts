// How the weights are divided for the GPU: slices, each kept there or passing through a slot as a whole. Pure; which slice
// is kept is the plan's business.
import { panelRows } from '../../formats/panel.ts';
import { type Cuttable, type Layout, type Section, type Slab, cuttableOf } from '../layout.ts';

/** Bytes of a section, from panel to panel; one that begins the section has its vectors in front. */
export interface Slice {
  section: number;
  start: number;
  end: number;
  /** The slot it passes through; undefined if it stays on the GPU. */
  slot?: number;
}

/** A run of bytes of a section that lies in one slab. */
export interface SlabRange {
  slab: number;
  /** First byte in the slab. */
  offset: number;
  length: number;
  /** First byte in the section. */
  start: number;
}

export interface Span {
  start: number;
  end: number;
}

/** True for a slice that holds vectors only: small, and read by the programs of other slices, so never streamed. */
export const isVectors = (layout: Layout, { section, end }: Slice): boolean => end <= layout.sections[section].vectorBytes;

/** A section as one slice. */
export const wholeSection = ({ sections }: Layout, section: number): Slice => ({ section, start: 0, end: sections[section].byteLength });

/** A section as one slice, or, if that is larger than `mostBytes`, its vectors and then runs of whole matrices or of panels; of a pool, of items. */
export function cutSection(layout: Layout, index: number, mostBytes: number): Slice[] {
  const section = layout.sections[index];
  if (section.byteLength <= mostBytes) return [wholeSection(layout, index)];
  const slices: Slice[] = [];
  let start = 0;
  const close = (end: number) => {
    if (end > start) slices.push({ section: index, start, end });
    start = end;
  };
  close(section.vectorBytes);
  for (const { offset, panels: { panels, panelBytes } } of cuttableOf(section)) {
    const end = offset + panels * panelBytes;
    if (end - start <= mostBytes) continue; // may share a slice with what comes before
    close(offset);
    if (end - start <= mostBytes) continue;
    const runs = Math.ceil(panels / Math.max(1, Math.floor(mostBytes / panelBytes)));
    const perRun = Math.ceil(panels / runs);
    for (let done = perRun; done < panels; done += perRun) close(offset + done * panelBytes);
    close(end);
  }
  close(section.byteLength);
  return slices;
}

/** Where the bytes of a slice are stored. */
export function rangesOf({ slabs }: Layout, slice: Slice): SlabRange[] {
  const ranges: SlabRange[] = [];
  for (let index = firstSlab(slabs, slice); index < slabs.length && slabs[index].section === slice.section; index++) {
    const slab = slabs[index];
    const start = Math.max(slab.offset, slice.start);
    const end = Math.min(slab.offset + slab.byteLength, slice.end);
    if (start >= end) break;
    ranges.push({ slab: index, offset: start - slab.offset, length: end - start, start });
  }
  return ranges;
}

/** The first slab that ends behind the start of a slice, by halving: slabs are in the order of sections and of their bytes. */
function firstSlab(slabs: readonly Slab[], { section, start }: Slice): number {
  let low = 0;
  let high = slabs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const slab = slabs[middle];
    if (slab.section < section || (slab.section === section && slab.offset + slab.byteLength <= start)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Cuts a slice where a buffer would become larger than `maxBufferBytes`, at panels; a span has one panel at least. */
export function spansOf(section: Section, slice: Span, maxBufferBytes: number): Span[] {
  const spans: Span[] = [];
  let { start } = slice;
  while (slice.end - start > maxBufferBytes) {
    const end = lastCut(section, start, start + maxBufferBytes) ?? firstCut(section, start);
    if (end === undefined || end >= slice.end) break;
    spans.push({ start, end });
    start = end;
  }
  return [...spans, { start, end: slice.end }];
}

/** The last place between `start` and `most` where a section may be cut: behind its vectors or a panel. */
function lastCut(section: Section, start: number, most: number): number | undefined {
  for (const { offset, panels: { panels, panelBytes } } of cuttableOf(section).reverse()) {
    const end = offset + Math.min(panels, Math.floor((most - offset) / panelBytes)) * panelBytes;
    if (end > Math.max(start, offset)) return end;
  }
  return section.vectorBytes > start && section.vectorBytes <= most ? section.vectorBytes : undefined;
}

/** The first place behind `start` where a section may be cut. */
function firstCut(section: Section, start: number): number | undefined {
  if (section.vectorBytes > start) return section.vectorBytes;
  const matrix = cuttableOf(section).find(({ offset, panels: { panels, panelBytes } }) => offset + panels * panelBytes > start);
  return matrix && matrix.offset + (Math.max(0, Math.floor((start - matrix.offset) / matrix.panels.panelBytes)) + 1) * matrix.panels.panelBytes;
}

/** Runs of panels of a matrix, or of items of a pool, that lie in one span and fit a binding: as the section's byte of each, and its panels. */
export function cutMatrix(matrix: Cuttable, spans: readonly Span[], maxBindingBytes: number): { start: number; firstRow: number; panels: number }[] {
  const { panels: { panelBytes }, offset } = matrix;
  const most = panelsPerBinding(matrix, maxBindingBytes);
  return spans.flatMap((span) => {
    const { first, end } = panelsIn(matrix, span);
    const runs = [];
    for (let panel = first; panel < end; panel += most) {
      runs.push({ start: offset + panel * panelBytes, firstRow: panel * panelRows, panels: Math.min(most, end - panel) });
    }
    return runs;
  });
}

/** How many runs `cutMatrix` makes. */
export function countRuns(matrix: Cuttable, spans: readonly Span[], maxBindingBytes: number): number {
  const most = panelsPerBinding(matrix, maxBindingBytes);
  return spans.reduce((count, span) => {
    const { first, end } = panelsIn(matrix, span);
    return count + Math.max(0, Math.ceil((end - first) / most));
  }, 0);
}

const panelsPerBinding = ({ panels: { panels, panelBytes } }: Cuttable, maxBindingBytes: number): number =>
  Math.max(1, Math.min(panels, Math.floor(maxBindingBytes / panelBytes)));

/** The panels of a matrix that lie in a span as a whole. */
const panelsIn = ({ panels: { panels, panelBytes }, offset }: Cuttable, { start, end }: Span): { first: number; end: number } => ({
  first: Math.max(0, Math.ceil((start - offset) / panelBytes)),
  end: Math.min(panels, Math.floor((end - offset) / panelBytes)),
});
