// What it takes to have pages at home in worker memory: bytes on the GPU beside the frames, and bytes of that memory.
import { type CacheHeads } from '../../model/graph.ts';
import { sealedMore } from '../../sealed.ts';
import { type KvFormat, pageSlots } from '../formats/format.ts';
import { type Picked, costliestSizes, pickedSet, pickedWords, summaryWords } from '../pick.ts';
import { indexBytes, makingBytes, scratchBytes } from './index/key-index.ts';
import { mayIndex, notedBytes } from './index/layer-index.ts';
import { blockRows } from './page-home.ts';
import { partialFloats } from './partial.ts';
import { type KvPlan, type PolicyModel, type PolicyRoom } from '../policy.ts';
import { segmentBytes } from '../segment.ts';
import { betweenTicks } from '../set-bytes.ts';
import { markWords } from '../shadow.ts';
import { sum } from '../../sum.ts';

export interface AwayBytes {
  /** On the GPU, of all that follows. */
  gpu: number;
  /** Of one layer with all its pages, where a prompt reads it, and of the lists there. */
  whole: number;
  wholeLists: number;
  /** Of what all layers chose, on its way to the CPU: of each layer where it begins. */
  choices: number[];
  choicesInAll: number;
  /** The same again, where two layers are asked at a time. */
  ahead: number;
  /** Of what the processor gives, for all layers, and of each layer where it begins. */
  answers: number;
  answerAt: { offset: number; size: number }[];
  /** Of pages on their way to the CPU. */
  leaving: number;
  /** Of worker memory; what there is no room for, in storage, as it is sealed. */
  home: number;
  stored: number;
  /** Rows of each layer that worker memory has room for. */
  homeRows: number;
  /** On the GPU, of a token more. */
  perToken: number;
  /** Of the frames, those that there need not be. */
  spare: number;
}

const none: AwayBytes = {
  gpu: 0, whole: 0, wholeLists: 0, choices: [], choicesInAll: 0, ahead: 0, answers: 0, answerAt: [], leaving: 0, home: 0, stored: 0, homeRows: 0, perToken: 0,
  spare: 0,
};

type Room = Pick<PolicyRoom, 'context' | 'chunk' | 'format'>;

/** Rows of pages that a tick may fill: tokens of a step of a prompt, or of an answer, and a page that was begun before. */
export const newRows = ({ chunk = Infinity, interval }: Pick<KvPlan, 'chunk' | 'interval'>, room: Pick<Room, 'chunk'>): number =>
  Math.ceil(betweenTicks(Math.min(chunk, room.chunk), interval) / pageSlots) + 1;

/** Rows beside those that are always there: with fewer, hardly anything that is chosen is there. */
const chosenRows = 2;

/** Rows of pages (one of each kv head) that are always there, for new slots, the first and a run that was begun (paging.ts), and how many there must be. */
export function leastRows(plan: KvPlan, room: Pick<Room, 'context' | 'chunk'>): { always: number; least: number } {
  const { first, each, by } = plan.layers.map(pickedSet).find((set) => set !== undefined)!.pick;
  const always = newRows(plan, room) + Math.ceil(first / pageSlots) + (first % each ? 1 : 0);
  return { always, least: Math.min(Math.ceil(room.context / pageSlots), always + (by === 'none' ? 0 : chosenRows)) };
}

export function awayBytes(plan: KvPlan, { heads, queryHeads }: Pick<PolicyModel, 'heads' | 'queryHeads'>, room: Room): AwayBytes {
  const away = heads.map((_, layer) => pickedSet(plan.layers[layer])?.frames !== undefined);
  if (!away.includes(true)) return none;
  const own = heads.map((each, layer) => (away[layer] ? each : { ...each, kvHeads: 0 }));
  const rows = Math.floor(room.context / pageSlots);
  const layers = own.map((each) => segmentBytes(each, room.context, room.format));
  const row = own.map((each) => segmentBytes(each, pageSlots, room.format));
  const words = own.map((each, layer) => (away[layer] ? inQuads(wordsBack(plan, layer, queryHeads[layer], each.headDim)) : 0));
  const choices = words.map((_, layer) => 4 * sum(words.slice(0, layer)));
  const isAnswered = (layer: number) => pickedSet(plan.layers[layer])?.answered !== undefined;
  const answers = own.map(({ headDim }, layer) => (isAnswered(layer) ? 4 * partialFloats({ queryHeads: queryHeads[layer], headDim }) : 0));
  const inPlace = answers.map((bytes) => placeBytes * Math.ceil(bytes / placeBytes));
  const mostHeads = Math.max(...own.map(({ kvHeads }) => kvHeads));
  const bytes = {
    whole: Math.max(...layers), wholeLists: 4 * mostHeads * (2 + rows + 1), choices, choicesInAll: 4 * sum(words),
    ahead: plan.layers.some((sets) => pickedSet(sets)?.answered?.ahead) ? 4 * sum(words) : 0,
    answers: sum(inPlace), answerAt: answers.map((size, layer) => ({ offset: sum(inPlace.slice(0, layer)), size })),
    leaving: Math.max(sum(row), newRows(plan, room) * Math.max(...row)), ...homeBytes(plan, own, queryHeads, row, rows),
  };
  const { least } = leastRows(plan, room);
  const sizes = costliestSizes(plan.layers, heads);
  const spare = sum(own.map(({ kvHeads }, layer) => (away[layer] ? (pickedSet(plan.layers[layer])!.frames! / kvHeads - least) * row[layer] : 0)));
  const known = own.map((each, layer) => (away[layer] ? knownBytes(pickedSet(plan.layers[layer])!, each, room.format, sizes[layer]) : 0));
  const gpu = sum([bytes.whole, bytes.wholeLists, bytes.choicesInAll, bytes.ahead, bytes.answers, bytes.leaving]);
  return { ...bytes, spare, perToken: Math.max(...row) / pageSlots + sum(known), gpu };
}

/** What bindings within a buffer begin at multiples of, on any device. */
const placeBytes = 256;

/** Words that come to the CPU of a layer: what it chose for a token, or its queries. */
function wordsBack({ layers, queries = 1 }: KvPlan, layer: number, queryHeads: number, headDim: number): number {
  const set = pickedSet(layers[layer])!;
  return set.answered ? queries * queryHeads * 4 * Math.ceil(headDim / 4) : pickedWords(set, queryHeads, headDim);
}

/** Bytes of worker memory for indexes over the keys there, for what they are made by and what searches use. */
function indexesOf({ layers }: KvPlan, heads: readonly CacheHeads[], queryHeads: readonly number[]): number {
  const own = heads.map(({ kvHeads, headDim }, layer) => {
    const set = pickedSet(layers[layer]);
    const index = set?.answered?.index;
    const slots = index ? Math.max(...set!.mostSlots) : 0;
    const dims = 4 * Math.ceil(headDim / 4);
    if (!slots || !mayIndex(index!, slots, set!.pick.first)) return { bytes: 0, shared: 0 };
    const bytes = kvHeads * indexBytes(slots, dims, index!.share) + notedBytes(queryHeads[layer], dims);
    return { bytes, shared: scratchBytes(slots) + makingBytes(slots, dims) };
  });
  return sum(own.map(({ bytes }) => bytes)) + Math.max(...own.map(({ shared }) => shared));
}

/** Bytes on their way back from storage, which worker memory has beside its rows: a block of a layer. The one page that is opened just then is not counted. */
const passing = (row: readonly number[], rows: number): number => Math.min(rows, blockRows) * Math.max(...row);

/** Bytes of worker memory that there have to be at least where it has no room for all pages: for a row of each layer, of `rows`, and what is read. */
export const leastHome = (row: readonly number[], rows: number): number => sum(row) + passing(row, rows);

/** `row`: bytes of a row of each layer, of which there are so many. */
function homeBytes(
  plan: KvPlan, own: readonly CacheHeads[], queryHeads: readonly number[], row: readonly number[], rows: number,
): Pick<AwayBytes, 'home' | 'stored' | 'homeRows'> {
  const { homeBytes: most = Infinity } = plan;
  if (rows * sum(row) <= most) return { home: rows * sum(row) + indexesOf(plan, own, queryHeads), stored: 0, homeRows: rows };
  const homeRows = Math.floor((most - passing(row, rows)) / sum(row));
  const sealedRow = sum(row) + sealedMore * sum(own.map(({ kvHeads }) => kvHeads));
  return { home: homeRows * sum(row) + passing(row, rows), stored: (rows - homeRows) * sealedRow, homeRows };
}

/** Bytes for a token more of what is known of pages that are not there, and of the lists of pages and of runs. */
function knownBytes({ pick }: Picked, { kvHeads, headDim }: CacheHeads, format: KvFormat, size?: number): number {
  const page = summaryWords(pick, format, headDim, size) + 1;
  const marks = pick.lowRank ? markWords(pick, format, headDim) : 0;
  return 4 * kvHeads * (page / pageSlots + 3 / pick.run + marks); // runs as they are read, as they are chosen, and on their way to the CPU
}

/** As buffers are rounded. */
const inQuads = (words: number): number => 4 * Math.ceil(words / 4);
