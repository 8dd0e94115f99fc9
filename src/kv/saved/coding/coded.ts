// Parts of a saved sequence, those coded that are smaller so. Pages are coded for keeping alone: what is put on the GPU is what it was.
import { type PageKind, type Pause, decodePages, encodePages } from './pages.ts';
import { damagedCodes } from './range-coder.ts';
import { checkSums, codingVersion, damagedParts, headerOf, withHeader } from '../snapshot.ts';
import { sumOf } from '../sum.ts';
import { turn } from '../../tiers/turns.ts';

/** Of each part behind the header what its pages are, if it has such. */
export type PageKinds = readonly (PageKind | undefined)[];

const sliceMs = 8;

/** Rests between slices of work of some milliseconds. */
export function inSlices(now = (): number => performance.now()): Pause {
  let end = now() + sliceMs;
  return () => (now() < end ? undefined : turn().then(() => void (end = now() + sliceMs)));
}

/** Seconds that a decoded byte takes on this machine, by some pages of a kind: some milliseconds of work. */
export async function timeDecoding({ format, headDim }: PageKind, now = (): number => performance.now()): Promise<number> {
  const kind = { format, headDim, kvHeads: 1 };
  const pages = new Uint8Array(4 * format.words(headDim) * 2);
  pages.forEach((_, i) => (pages[i] = Math.imul(i + 1, 0x9e3779b1) >>> 29)); // 3 bits of each byte: so much that all are decoded bit by bit
  const coded = await encodePages(pages, kind, () => undefined);
  if (!coded) return 0;
  const times: number[] = [];
  for (let i = 0; i < 4; i++) {
    const before = now();
    await decodePages(coded, pages.byteLength, kind, () => undefined);
    times.push(now() - before);
  }
  return Math.min(...times) / 1000 / pages.byteLength;
}

/** `kinds`: of the parts behind the header, as far as it is told. */
export async function encodeParts(parts: readonly Uint8Array[], kinds: PageKinds, pause = inSlices()): Promise<Uint8Array[]> {
  const [first, ...layers] = parts;
  const stored: Uint8Array[] = [];
  for (const [i, layer] of layers.entries()) {
    const kind = kinds[i];
    stored.push((kind && layer.byteLength && (await encodePages(layer, kind, pause))) || layer);
  }
  const isCoded = stored.map((part, i) => part !== layers[i]);
  if (!isCoded.includes(true)) return [...parts];
  const coded = layers.map((layer, i) => (isCoded[i] ? { bytes: layer.byteLength, sum: sumOf(layer) } : null));
  return [withHeader(first, { layers: stored.map(({ byteLength }) => byteLength), coding: { version: codingVersion, parts: coded } }), ...stored];
}

/**
 * What was there before `encodeParts`, also of parts that were kept before there was a coder, or sums of those that are not coded.
 * @throws RequestError for parts that are none, are damaged, or are coded by a later release.
 */
export async function decodeParts(parts: readonly Uint8Array[], kinds: PageKinds, pause = inSlices()): Promise<Uint8Array[]> {
  const [first, ...stored] = parts;
  const { coding, layers: sizes } = headerOf(first);
  if (!coding) {
    await checkSums(first, stored, pause);
    return [...parts];
  }
  if (coding.version !== codingVersion)
    throw damagedCodes(`it is coded as of version ${coding.version}, here it is ${codingVersion}`);
  if (stored.length !== coding.parts.length || stored.some(({ byteLength }, i) => byteLength !== sizes[i])) throw damagedParts();
  const layers: Uint8Array[] = [];
  for (const [i, part] of stored.entries()) {
    const of = coding.parts[i];
    const kind = kinds[i];
    if (of && !kind) throw damagedParts();
    const layer = of ? await decodePages(part, of.bytes, kind!, pause) : part;
    if (of && sumOf(layer) !== of.sum) throw damagedCodes('its bytes have another sum than those that were saved');
    layers.push(layer);
  }
  await checkSums(first, layers, pause);
  return [withHeader(first, { layers: layers.map(({ byteLength }) => byteLength), coding: undefined }), ...layers];
}
