// How the weights are divided for the GPU: slices, each kept there or passing through a slot as a whole. Pure; which slice
// is kept is the plan's business.
import { panelRows } from '../../formats/panel.ts';
import { type Layout, type Matrix, type Section, matricesOf } from '../layout.ts';

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

/** A section as one slice, or, if that is larger than `mostBytes`, its vectors and then runs of whole matrices or of panels. */
export function cutSection(layout: Layout, index: number, mostBytes: number): Slice[] {
  const section = layout.sections[index];
  if (section.byteLength <= mostBytes) return [{ section: index, start: 0, end: section.byteLength }];
  const slices: Slice[] = [];
  let start = 0;
  const close = (end: number) => {
    if (end > start) slices.push({ section: index, start, end });
    start = end;
  };
  close(section.vectorBytes);
  for (const { offset, panels: { panels, panelBytes } } of matricesOf(section)) {
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
export function rangesOf(layout: Layout, slice: Slice): SlabRange[] {
  return layout.slabs.flatMap((slab, index) => {
    if (slab.section !== slice.section) return [];
    const start = Math.max(slab.offset, slice.start);
    const end = Math.min(slab.offset + slab.byteLength, slice.end);
    return start < end ? [{ slab: index, offset: start - slab.offset, length: end - start, start }] : [];
  });
}

/** Cuts a slice where a buffer would become larger than `maxBufferBytes`, at panels. */
export function spansOf(section: Section, slice: Span, maxBufferBytes: number): Span[] {
  const cuts = [slice.start];
  let last = Math.max(slice.start, Math.min(section.vectorBytes, slice.end));
  for (const { offset, panels: { panels, panelBytes } } of matricesOf(section)) {
    for (let p = 1; p <= panels; p++) {
      const end = offset + p * panelBytes;
      if (end <= slice.start || end > slice.end) continue;
      if (end - cuts[cuts.length - 1] > maxBufferBytes && last > cuts[cuts.length - 1]) cuts.push(last);
      last = end;
    }
  }
  return cuts.map((start, i) => ({ start, end: cuts[i + 1] ?? slice.end }));
}

/** Runs of panels of a matrix that lie in one span and fit a binding: as the section's byte of each, and its panels. */
export function cutMatrix({ panels: { panels, panelBytes }, offset }: Matrix, spans: readonly Span[], maxBindingBytes: number): { start: number; firstRow: number; panels: number }[] {
  const most = Math.max(1, Math.floor(maxBindingBytes / panelBytes));
  return spans.flatMap((span) => {
    const first = Math.max(0, Math.ceil((span.start - offset) / panelBytes));
    const end = Math.min(panels, Math.floor((span.end - offset) / panelBytes));
    const runs = [];
    for (let panel = first; panel < end; panel += most) {
      runs.push({ start: offset + panel * panelBytes, firstRow: panel * panelRows, panels: Math.min(most, end - panel) });
    }
    return runs;
  });
}
