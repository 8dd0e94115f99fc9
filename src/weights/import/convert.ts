// Brings a model that an older windrow stored to the present layout, slab by slab and without a download. Each slab's
// record says which layout it has, so that a conversion that was interrupted goes on where it was.
import { InvalidFileError } from '../../errors.ts';
import { type Format } from '../../formats/format.ts';
import { type PanelLayout, panelRows, wordIndex } from '../../formats/panel.ts';
import { type Layout, hasColumns, layoutVersion, matricesOf, type Slab } from '../layout.ts';
import { type Manifest, sha256, type Store } from '../store/store.ts';
import { type OldVersion, isConvertible, isCutAs } from './convertible.ts';

/** Words of a slab in the next layout. Slabs must stay what they are: a layout that cuts otherwise is imported anew. */
type Step = (words: Uint32Array, layout: Layout, slab: Slab) => Uint32Array<ArrayBuffer>;

/** By the version that a slab has. */
const steps: Readonly<Record<OldVersion, Step>> = { 0: interleaveRows };

/** The manifest in the present layout. InvalidFileError if a slab is damaged: it would only get a new, right hash. */
export async function convertStored(store: Store, manifest: Manifest, layout: Layout): Promise<Manifest> {
  const { id, name } = manifest;
  if (!isCutAs(manifest, layout)) throw new InvalidFileError(cutOtherwise(manifest, layout));
  if (manifest.layoutVersion === layoutVersion) return manifest;
  if (!isConvertible(manifest.layoutVersion))
    throw new InvalidFileError(
      `The stored model ${name} has layout ${manifest.layoutVersion}, which cannot be brought to layout ${layoutVersion}. Delete it and load it ` +
      'from its source.',
    );
  const records = await store.slabs(id);
  const slabHashes: string[] = [];
  for (const [index, slab] of layout.slabs.entries()) {
    const record = records.get(index);
    const bytes = await store.read(id, index);
    if (!record || bytes?.byteLength !== slab.byteLength || (await sha256(bytes)) !== record.hash) {
      throw new InvalidFileError(
        `Part ${index + 1} of the stored model ${name} is damaged or missing, so it cannot be brought to the present layout. Delete the model and ` +
        'load it from its source.',
        { code: 'stored_model_damaged' },
      );
    }
    slabHashes.push(record.hash);
    if (record.layoutVersion === layoutVersion) continue;
    let words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    for (let version = record.layoutVersion; version < layoutVersion; version++) words = steps[version as OldVersion](words, layout, slab);
    const converted = new Uint8Array(words.buffer);
    slabHashes[index] = await sha256(converted);
    await store.putSlab(id, index, converted, { hash: slabHashes[index], layoutVersion });
  }
  const converted = (await store.changeManifest(id, (now) => ({ ...now, layoutVersion, slabHashes })))!; // it is held: nobody deletes it
  await store.close(id);
  return converted;
}

function cutOtherwise({ name, columns = false }: Manifest, layout: Layout): string {
  if (!columns && hasColumns(layout))
    return `The stored model ${name} is from a windrow that stored all matrices by rows, and this load reads single neurons of its feed-forward layers, ` +
      'by columns. Load it from where it is stored, which reads all neurons, or delete it and load it from its source.';
  return `The stored model ${name} lies in other parts than this windrow reads, so it cannot be brought to layout ${layoutVersion}. Delete it and load it ` +
    'from its source.';
}

/** Layout 0 (before the first release): inside a plane of a panel, a row's words one after the other. */
function interleaveRows(words: Uint32Array, layout: Layout, slab: Slab): Uint32Array<ArrayBuffer> {
  const converted = new Uint32Array(words); // vectors stay
  for (const { format, panels, offset } of matricesOf(layout.sections[slab.section])) {
    const first = Math.max(0, Math.ceil((slab.offset - offset) / panels.panelBytes));
    const end = Math.min(panels.panels, Math.floor((slab.offset + slab.byteLength - offset) / panels.panelBytes));
    const moves = movesOf(format, panels);
    for (let panel = first; panel < end; panel++) {
      const start = (offset + panel * panels.panelBytes - slab.offset) / 4;
      for (let from = 0; from < moves.length; from++) converted[start + moves[from]] = words[start + from];
    }
  }
  return converted;
}

/** Where each word of a panel of layout 0 goes. */
function movesOf(format: Format, panels: PanelLayout): Uint32Array {
  const moves: number[] = [];
  format.planeWords.forEach((count, plane) => {
    for (let lane = 0; lane < panelRows; lane++) {
      for (let block = 0; block < panels.blocks; block++) {
        for (let i = 0; i < count; i++) moves.push(wordIndex(format, panels, plane, block, i, lane));
      }
    }
  });
  return Uint32Array.from(moves);
}
