// Puts texts that were run apart into one sequence: one behind the other, with their keys turned on to where they come to lie (`stacked`), or all at the
// same positions, in the set of the policy `documents` (`ape`, arXiv 2502.05431). There only distances count, so what is turned is what lies behind, and
// the tokens that come go on from the number of all.
import { pageSlots } from '../formats/format.ts';
import { writeTokens } from '../pages.ts';
import { cachesOf, segmentBytes } from '../segment.ts';
import { type Sequence, type SequenceHome } from '../sequence.ts';
import { type Pause } from './coding/pages.ts';
import { type KeyTurn, type Piece, composePages } from './composed.ts';

export type ComposeMode = 'stacked' | 'ape';

/** A text that was run behind `prefix` tokens: of each cache the pages of those and its own. */
export interface SavedDocument {
  tokens: readonly number[];
  layers: readonly Uint8Array[];
}

export interface Composition {
  documents: readonly SavedDocument[];
  /** Tokens that all begin with. */
  prefix: number;
  mode: ComposeMode;
  /** Of each cache. */
  turns: readonly (KeyTurn | undefined)[];
  pause: Pause;
}

/** The tokens of a composition, in their order. */
export const tokensOf = ({ documents, prefix }: Pick<Composition, 'documents' | 'prefix'>): number[] =>
  [...documents[0].tokens.slice(0, prefix), ...documents.flatMap(({ tokens }) => tokens.slice(prefix))];

/** Takes the place of what is in the sequence. BudgetError where there is no room. */
export async function putComposed(home: SequenceHome, sequence: Sequence, composition: Composition): Promise<void> {
  sequence.truncate(0);
  await (composition.mode === 'ape' ? putBeside : putStacked)(home, sequence, composition);
  const tokens = tokensOf(composition);
  writeTokens(home, sequence, tokens);
  sequence.shaped?.queried.goOn(tokens.length, tokens.length); // their queries are nowhere
  sequence.approximate = true;
}

const piecesOf = ({ documents, prefix }: Composition, layer: number, by: (document: number) => number): Piece[] =>
  documents.map(({ tokens, layers }, i) => ({ pages: layers[layer], first: prefix, count: tokens.length - prefix, by: by(i) }));

async function putStacked(home: SequenceHome, sequence: Sequence, composition: Composition): Promise<void> {
  const { device, config, format } = home;
  const { documents, prefix, turns, pause } = composition;
  const begins = documents.map((_, i) => documents.slice(0, i).reduce((sum, { tokens }) => sum + tokens.length - prefix, 0));
  const { length } = tokensOf(composition);
  sequence.shaped?.ticked(length, 0, true);
  await sequence.makeRoom(length);
  for (const [layer, heads] of cachesOf(config).entries()) {
    const first: Piece = { pages: documents[0].layers[layer], first: 0, count: prefix, by: 0 };
    const pieces = [first, ...piecesOf(composition, layer, (i) => begins[i])];
    device.queue.writeBuffer(sequence.fresh(layer).buffer, 0, await composePages({ format, heads, turn: turns[layer], pause }, pieces));
  }
}

/** Documents to the set, from position `prefix` on each; the prefix to the last fresh slots before what comes, which is behind the longest of them. */
async function putBeside(home: SequenceHome, sequence: Sequence, composition: Composition): Promise<void> {
  const { device, config, format } = home;
  const { documents, prefix, turns, pause } = composition;
  const shaped = sequence.shaped!;
  const lengths = documents.map(({ tokens }) => tokens.length - prefix);
  const base = lengths.reduce((sum, length) => sum + length, 0);
  const by = base - Math.max(...lengths); // how much further on tokens go on than they would
  shaped.ticked(base + prefix, base, true);
  shaped.join(base + prefix);
  await sequence.makeRoom(base + prefix);
  for (const [layer, heads] of cachesOf(config).entries()) {
    const how = { format, heads, turn: turns[layer], pause };
    const sets = shaped.setsOf(layer);
    const [set] = sets.all;
    const counts = new Array<number>(heads.kvHeads).fill(base);
    await sets.makeRoom(set, counts); // its pages are taken head by head
    device.queue.writeBuffer(set.pages, 0, await composePages(how, piecesOf(composition, layer, () => by), true));
    const { at, words } = sets.count(set, counts);
    device.queue.writeBuffer(sets.lists.buffer, at, words);
    const ring = sequence.fresh(layer).buffer;
    const bytes = segmentBytes(heads, pageSlots, format);
    const pages = await composePages(how, [{ pages: documents[0].layers[layer], first: 0, count: prefix, by }], false, base % pageSlots);
    for (let done = 0, page = Math.floor(base / pageSlots); done < pages.byteLength; done += bytes, page++)
      device.queue.writeBuffer(ring, (page % (ring.size / bytes)) * bytes, pages, done, bytes);
  }
  shaped.replaced();
}
