// Rows of pages, one of each kv head, on their way home after ticks, and back where a prompt reads them.
import { pageSlots } from '../formats/format.ts';
import { type At, type AwayLayer, type Uploads, begunPages } from './away-layer.ts';

/** Copies the full rows of all layers that are not at home yet there, as many at a time as there is room for on their way. */
export async function leave({ device, buffers: { leaving }, home }: At, layers: readonly AwayLayer[]): Promise<void> {
  const due = layers.flatMap((layer) => {
    const rows = Math.floor(Math.min(...layer.sets.all[0].counts) / pageSlots);
    return Array.from({ length: rows - layer.paging.home }, (_, i) => ({ layer, row: layer.paging.home + i, bytes: layer.pageBytes * layer.heads.kvHeads }));
  });
  while (due.length) {
    let used = 0;
    let count = 0;
    while (count < due.length && used + due[count].bytes <= leaving.size) used += due[count++].bytes;
    const some = due.splice(0, count);
    const encoder = device.createCommandEncoder({ label: 'kv.away.leave' });
    let to = 0;
    for (const { layer: { sets: { all: [set] }, paging, pageBytes, heads: { kvHeads } }, row } of some) {
      for (let head = 0; head < kvHeads; head++, to += pageBytes)
        encoder.copyBufferToBuffer(set.pages, paging.frames.use(row * kvHeads + head)! * pageBytes, leaving, to, pageBytes);
    }
    device.queue.submit([encoder.finish()]);
    await leaving.mapAsync(GPUMapMode.READ, 0, used);
    try {
      const bytes = new Uint8Array(leaving.getMappedRange(0, used));
      let from = 0;
      for (const { layer, bytes: size } of some) {
        await home.append(layer.layer, bytes.subarray(from, (from += size)));
        layer.paging.home++;
      }
    } finally {
      leaving.unmap(); // also where there is no memory, or no later tick could have it
    }
  }
}

/**
 * All pages of a layer in their order, from home, and what has not left for there yet from its frames. `isTick`: within one, when keys there are as they were.
 */
export async function bringWhole({ device, buffers: { whole, lists }, home }: At, uploads: Uploads, layer: AwayLayer, isTick: boolean): Promise<void> {
  const { heads: { kvHeads }, sets: { begun, all: [{ counts, pages }] }, paging, pageBytes } = layer;
  const rows = Math.ceil(Math.max(...counts) / pageSlots);
  const ids = Array.from({ length: kvHeads }, (_, head) => Array.from({ length: rows }, (_, row) => row * kvHeads + head));
  device.queue.writeBuffer(lists, 0, Uint32Array.from([...counts].flatMap((count, head) => [2 * kvHeads + head * rows, count]).concat(ids.flat())));
  let at = 0;
  for await (const part of home.parts(layer.layer)) {
    if (part.byteLength) await uploads.write(whole, at, part);
    at += part.byteLength;
  }
  if (rows === paging.home) return;
  const encoder = device.createCommandEncoder({ label: 'kv.away.whole' });
  for (let page = paging.home * kvHeads; page < rows * kvHeads; page++)
    encoder.copyBufferToBuffer(pages, paging.frames.use(page)! * pageBytes, whole, page * pageBytes, pageBytes);
  for (const [head, { kept }] of isTick ? [] : begunPages(layer).entries())
    encoder.copyBufferToBuffer(begun!, kept, whole, (paging.home * kvHeads + head) * pageBytes, pageBytes / 2);
  device.queue.submit([encoder.finish()]);
}
