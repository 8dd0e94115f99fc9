// Pages that are at home in worker memory, of one sequence: what a token chose is brought to frames of the GPU before the next one reads it, under a cap of
// bytes; full new pages leave for home after each tick; a prompt, which reads everything, finds one layer after the other whole. Where worker memory has no
// room for all of them, the first ones are in storage and are brought from there, within the same cap.
// A choice comes a token late (`PickPlan.lag`), so that there is no wait within a token: LeoAM (arXiv 2506.20187) hides it by looking ahead.
import { type Ledger } from '../../gpu/ledger.ts';
import { type Binding } from '../../gpu/program.ts';
import { pageSlots } from '../formats/format.ts';
import { type KeptAway } from '../../protocol.ts';
import { pickedSet } from '../pick.ts';
import { cachesOf } from '../segment.ts';
import { type SequenceHome } from '../sequence.ts';
import { type Sets } from '../sets.ts';
import { type Shape } from '../shape.ts';
import { type AwayBytes } from './away-bytes.ts';
import { type At, type AwayLayer, type Brought, keysMade, layersOf, noteWords, waitForKeys } from './away-layer.ts';
import { type Answers, type Ticked, createAnswers } from './answers.ts';
import { bring } from './choice.ts';
import { createHeld } from './held.ts';
import { type PageHome, createPageHome } from './page-home.ts';
import { createReading } from './reading.ts';
import { bringWhole } from './rows.ts';

export interface Away {
  readonly counters: Readonly<KeptAway>;
  /** Where the processor attends too. */
  readonly answers?: Answers;
  /** Where a layer is read by several rows. */
  readonly whole: { pages: Binding; lists: Binding };
  readonly byteLength: number;
  /**
   * To be awaited before the token at `position` is run: what was chosen for it is there then, as far as the cap and the frames allow. Rejects with the
   * signal's reason where the processor attends.
   */
  ready(position: number, signal?: AbortSignal): Promise<void>;
  /** To be awaited before several rows read a layer. */
  bringWhole(layer: number): Promise<void>;
  /** At the end of the last submit of a step whose last token is at `position`, and right after it. */
  note(encoder: GPUCommandEncoder, position: number): void;
  submitted(): void;
  /** Before a tick: forgets what was chosen, as that chooses anew, and has the pages there of runs that are to have more slots. */
  begin(): Promise<void>;
  /** After a tick: full pages leave for home, and what was chosen in it is noted. */
  ticked(at: Ticked): Promise<void>;
  /** Has positions up to `length`, a whole number of pages. */
  cut(length: number): void;
  /** Takes what is at home of another, once what that has on the GPU was copied. */
  copyFrom(other: Away): Promise<void>;
  /** Notes what the token at `position` chose for the next one once more, where it was put there. */
  noteAgain(position: number): Promise<void>;
  readonly home: PageHome;
  /** Whether something was chosen for the next token, and by the one at which position. */
  readonly hasChosen: boolean;
  readonly chosenAt: number;
  free(): void;
}

/** What the sequence has by now; `sets` of a layer without such pages have no `paging`. */
interface Given {
  home: SequenceHome & { shape: Shape };
  bytes: AwayBytes;
  sets: () => readonly (Sets | undefined)[];
}

export function createAway({ home: own, bytes, sets }: Given): Away {
  const { device, ledger, shape, shape: { plan } } = own;
  const caches = cachesOf(own.config);
  const buffers = makeBuffers(ledger, bytes);
  const { rowBytes, home } = makeHome(own, bytes);
  const layers = () => layersOf(sets(), { plan, caches, queryHeads: shape.attended.map((each) => each.queryHeads), rowBytes, bytes });
  const counters: Brought = { tokens: 0, fetchedBytes: 0, mostFetchedBytes: 0, chosen: 0, missed: 0 };
  const ways = [buffers.choices, buffers.ahead].flatMap((queries) => (queries ? [{ reading: createReading(queries), queries }] : []));
  const [{ reading }] = ways;
  let [isNoted, hasChosen, chosenAt] = [false, false, -1];
  const at = { device, buffers, home, counters, plan };
  const held = createHeld(at, layers, () => own.uploads!());
  const answers = buffers.answers && createAnswers({ device, home, shape, layers, ways, answers: buffers.answers }, bytes);

  const noteNow = (position: number): void => noteAll(device, layers(), away, position);
  const away: Away = {
    home, answers,
    get counters() {
      return { ...counters, homeBytes: home.byteLength, storedBytes: home.storedBytes, readBytes: home.readBytes };
    },
    get hasChosen() {
      return hasChosen;
    },
    get chosenAt() {
      return chosenAt;
    },
    whole: { pages: { buffer: buffers.whole }, lists: { buffer: buffers.lists } },
    byteLength: Object.values(buffers).reduce((sum, buffer) => sum + (buffer?.size ?? 0), 0),
    async ready(position, signal) {
      await answers?.settled();
      const words = await reading.take();
      await held.bring();
      // A text that was cut behind what left the window has the queries of a token that is gone.
      if (answers) await answers.late(chosenAt === position - 1 ? words : undefined, signal);
      else await bring(at, own.uploads!(), layers(), words);
    },
    async bringWhole(layer) {
      const found = layers().find((each) => each.layer === layer);
      if (found) await bringWhole(at, own.uploads!(), found, held.isTick);
    },
    note(encoder, position) {
      chosenAt = position;
      if (noteLayers(encoder, layers(), buffers.choices)) isNoted = hasChosen = true;
    },
    submitted() {
      if (isNoted) reading.begin();
      isNoted = false;
    },
    async begin() {
      await answers?.settled();
      await reading.take();
      await held.begin();
    },
    async ticked(tick) {
      await held.end();
      await answers?.ticked(tick);
      noteNow(tick.length - 1);
    },
    cut(length) {
      const rows = length / pageSlots;
      home.cut(rows);
      held.cut(rows);
      answers?.cut(length);
      reading.forget();
      hasChosen = false;
    },
    noteAgain: (position) => reading.take().then(() => noteNow(position)),
    async copyFrom(other) {
      await home.copyFrom(other.home);
      answers?.copyFrom(other.answers!);
      if (other.hasChosen) noteNow(other.chosenAt);
    },
    free: () => freeAll(ledger, buffers, home, answers),
  };
  return away;
}

function freeAll(ledger: Ledger, buffers: At['buffers'], home: PageHome, answers: Answers | undefined): void {
  answers?.close();
  Object.values(buffers).forEach((buffer) => buffer && ledger.destroy(buffer));
  home.free().catch(() => {}); // what cannot be removed opens for nobody
}

/** Copies what layers chose, or their queries, to where they are on their way to the CPU; whether any did. */
function noteLayers(encoder: GPUCommandEncoder, layers: readonly AwayLayer[], to: GPUBuffer): boolean {
  layers.forEach(keysMade);
  const noted = layers.filter(({ answered }) => !answered || answered.lag); // others are asked within the next token
  for (const layer of noted) noteWords(encoder, layer, to);
  return noted.length > 0;
}

/** Notes what is chosen by now, and that keys of pages may have to be made again. */
function noteAll(device: GPUDevice, layers: readonly AwayLayer[], away: Pick<Away, 'note' | 'submitted'>, position: number): void {
  const encoder = device.createCommandEncoder({ label: 'kv.away.choices' });
  away.note(encoder, position);
  device.queue.submit([encoder.finish()]);
  away.submitted();
  layers.forEach(waitForKeys); // behind the note, as no row was encoded by it
}

/** Where pages of its layers are at home, and the bytes of a row of each. */
function makeHome({ shape: { plan, format }, config, context, scratch }: Given['home'], { homeRows, stored }: AwayBytes) {
  const caches = cachesOf(config);
  const isAway = (layer: number) => pickedSet(plan.layers[layer])?.frames !== undefined;
  const rowBytes = caches.map(({ kvHeads, headDim }, layer) => (isAway(layer) ? 4 * kvHeads * format.words(headDim) : 0));
  const given = { rowBytes, kvHeads: caches.map(({ kvHeads }) => kvHeads), mostRows: Math.floor(context / pageSlots), memoryRows: homeRows };
  return { rowBytes, home: createPageHome(given, stored ? scratch?.open : undefined) };
}

function makeBuffers(ledger: Ledger, bytes: AwayBytes): At['buffers'] {
  const make = (name: string, size: number, usage: number) => ledger.create('kv', `kv.away.${name}`, size, usage | GPUBufferUsage.COPY_DST);
  return {
    whole: make('whole', bytes.whole, GPUBufferUsage.STORAGE), lists: make('lists', bytes.wholeLists, GPUBufferUsage.STORAGE),
    choices: make('choices', bytes.choicesInAll, GPUBufferUsage.MAP_READ), leaving: make('leaving', bytes.leaving, GPUBufferUsage.MAP_READ),
    ...(bytes.answers && { answers: make('answers', bytes.answers, GPUBufferUsage.STORAGE) }),
    ...(bytes.ahead && { ahead: make('choices.ahead', bytes.ahead, GPUBufferUsage.MAP_READ) }),
  };
}
