// The pages of one cache, coded without a loss (after CacheGen, arXiv 2310.07240): channel by channel of each head, symbols or their differences to those of
// the slot before, or as they are, whichever takes least, by an adaptive range coder whose probabilities a channel takes over from the one before.
import { type PageFormat } from '../../formats/format.ts';
import { type Field, channelsOf, fieldsOf } from './fields.ts';
import { type Tree, createDecoder, createEncoder, createTree, damagedCodes, relearn } from './range-coder.ts';

/** Of what kind pages are: `kvHeads` take turns in them, 1 where that is not known. */
export interface PageKind {
  format: PageFormat;
  headDim: number;
  kvHeads: number;
  /** Bytes of a part that whoever keeps such pages has room for. Default: as many as codes may be of. */
  mostBytes?: number;
}

/** Resolves between two slices of work, so that nothing else waits for all of it; undefined while a slice is short enough. */
export type Pause = () => Promise<void> | undefined;

/** How the symbols of a channel are coded. */
const ways = { asIs: 0, own: 1, differences: 2 } as const;
const wayBits = 2;

/** The words of a channel: of slots in order, the pages of its head one after the other. */
interface Channel {
  field: Field;
  column: number;
  /** Of a word, where its symbol begins. */
  shift: number;
  head: number;
}

/** Trees of some channels, for each way that learns. */
type Trees = Record<'own' | 'differences', Tree>;

const treesOf = (bits: number): Trees => ({ own: createTree(bits), differences: createTree(bits) });

/**
 * In an order in which neighbours are alike: the same byte of number, or code, of all channels of a head. With the trees of each, which are new for
 * each field, and of one in bytes for each of a number's.
 */
function* channelsIn(fields: readonly Field[], kvHeads: number): Generator<Channel & { trees: Trees }> {
  for (const field of fields) {
    let trees = treesOf(field.bits);
    for (let head = 0; head < kvHeads; head++)
      for (let i = 0; i < channelsOf(field); i++) {
        if (field.bits === 8) trees = treesOf(field.bits);
        for (const column of field.columns) yield { field, column, head, shift: field.planes > 1 ? i : i * field.bits, trees };
      }
  }
}

/** What both directions go through: where words lie, and how many symbols a channel has. */
interface Pages {
  words: Uint32Array;
  pageWords: number;
  kvHeads: number;
}

const symbolsOf = ({ words, pageWords, kvHeads }: Pages, { field, head }: Channel): number =>
  Math.max(0, Math.ceil((words.length / pageWords - head) / kvHeads)) * field.slots;

/** Of any channel. */
const mostSymbols = ({ words, pageWords }: Pages, fields: readonly Field[]): number =>
  Math.max(...fields.map(({ slots }) => slots)) * (words.length / pageWords);

function gather({ words, pageWords, kvHeads }: Pages, { field, column, shift, head }: Channel, into: Uint8Array): void {
  const { bits, planes, step, slots, slotStep } = field;
  const mask = planes > 1 ? 1 : 2 ** bits - 1;
  for (let page = head * pageWords, n = 0; page < words.length; page += kvHeads * pageWords)
    for (let slot = 0; slot < slots; slot++, n++) {
      const at = page + column + slot * slotStep;
      let symbol = (words[at] >>> shift) & mask;
      for (let plane = 1; plane < planes; plane++) symbol |= ((words[at + plane * step] >>> shift) & mask) << plane;
      into[n] = symbol;
    }
}

function scatter({ words, pageWords, kvHeads }: Pages, { field, column, shift, head }: Channel, from: Uint8Array): void {
  const { planes, step, slots, slotStep } = field;
  for (let page = head * pageWords, n = 0; page < words.length; page += kvHeads * pageWords)
    for (let slot = 0; slot < slots; slot++, n++) {
      const at = page + column + slot * slotStep;
      if (planes === 1) words[at] |= from[n] << shift;
      else for (let plane = 0; plane < planes; plane++) words[at + plane * step] |= ((from[n] >> plane) & 1) << shift;
    }
}

/** Bits that an ideal coder needs which knows how often each symbol comes. */
function idealBits(symbols: Uint8Array, count: number, counts: Uint32Array): number {
  counts.fill(0);
  for (let i = 0; i < count; i++) counts[symbols[i]]++;
  let bits = 0;
  for (const n of counts) if (n) bits += n * Math.log2(count / n);
  return bits;
}

function differ(symbols: Uint8Array, count: number, bits: number, into: Uint8Array): void {
  for (let i = 0, before = 0; i < count; i++) {
    into[i] = (symbols[i] - before) & (2 ** bits - 1);
    before = symbols[i];
  }
}

/** Less than this share gained is not worth the time that decoding takes. */
const leastGain = 0.02;

const pagesOfBytes = (words: Uint32Array, { format, headDim, kvHeads }: PageKind): Pages => ({ words, pageWords: format.words(headDim), kvHeads });

/** Undefined where it would not be smaller, or the format has no fields. `bytes`: whole pages. */
export async function encodePages(bytes: Uint8Array, kind: PageKind, pause: Pause): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const fields = fieldsOf(kind.format, kind.headDim);
  const pages = pagesOfBytes(wordsOf(bytes), kind);
  if (!fields || !bytes.length || pages.words.length % pages.pageWords) return undefined;
  const encoder = createEncoder();
  const most = mostSymbols(pages, fields);
  const [symbols, differences] = [new Uint8Array(most), new Uint8Array(most)];
  const way = new Uint8Array(1);
  const counts = new Uint32Array(256);
  for (const channel of channelsIn(fields, kind.kvHeads)) {
    const { field: { bits }, trees } = channel;
    const count = symbolsOf(pages, channel);
    gather(pages, channel, symbols);
    differ(symbols, count, bits, differences);
    const [own, apart] = [idealBits(symbols, count, counts), idealBits(differences, count, counts)];
    const name = Math.min(own, apart) > (1 - leastGain) * bits * count ? 'asIs' : own <= apart ? 'own' : 'differences';
    way[0] = ways[name];
    encoder.put(way, 1, wayBits);
    const tree = name === 'asIs' ? undefined : trees[name];
    if (tree) relearn(tree);
    encoder.put(name === 'differences' ? differences : symbols, count, bits, tree);
    await pause();
  }
  const coded = encoder.end();
  return coded.byteLength < bytes.byteLength ? coded : undefined;
}

/** A bit takes at least 1/2840 of one, by the most likely that a node may be: what is told to be longer is no code of ours, and no room is made for it. */
const mostTimes = 4096;

/** @throws RequestError for what `encodePages` has not made of so many bytes of these pages. */
export async function decodePages(coded: Uint8Array, byteLength: number, kind: PageKind, pause: Pause): Promise<Uint8Array<ArrayBuffer>> {
  const fields = fieldsOf(kind.format, kind.headDim);
  const pageBytes = 4 * kind.format.words(kind.headDim);
  const most = Math.min(kind.mostBytes ?? Infinity, mostTimes * coded.byteLength);
  if (!fields || byteLength % pageBytes || byteLength > most) throw damagedCodes(`${byteLength} bytes of pages are none of these`);
  const words = new Uint32Array(byteLength / 4);
  const pages = pagesOfBytes(words, kind);
  const decoder = createDecoder(coded);
  const symbols = new Uint8Array(mostSymbols(pages, fields));
  const way = new Uint8Array(1);
  for (const channel of channelsIn(fields, kind.kvHeads)) {
    const { field: { bits }, trees } = channel;
    const count = symbolsOf(pages, channel);
    decoder.take(way, 1, wayBits);
    if (way[0] > ways.differences) throw damagedCodes('its channels are coded in no way that is known');
    const tree = way[0] === ways.own ? trees.own : way[0] === ways.differences ? trees.differences : undefined;
    if (tree) relearn(tree);
    decoder.take(symbols, count, bits, tree);
    if (way[0] === ways.differences) for (let i = 1; i < count; i++) symbols[i] = (symbols[i] + symbols[i - 1]) & (2 ** bits - 1);
    scatter(pages, channel, symbols);
    await pause();
  }
  decoder.end();
  return new Uint8Array(words.buffer);
}

/** A copy only where bytes do not lie as words do. */
export const wordsOf = (bytes: Uint8Array): Uint32Array => {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 ? new Uint8Array(bytes) : bytes; // a Buffer's `slice` is no copy
  return new Uint32Array(buffer, byteOffset, byteLength >> 2);
};
