// What it takes to have pages at home in worker memory: bytes on the GPU beside the frames, and bytes of that memory.
import { pageSlots } from '../formats/format.ts';
import { pickedSet, pickedWords } from '../pick.ts';
import { type KvPlan, type PolicyModel, type PolicyRoom } from '../policy.ts';
import { segmentBytes } from '../segment.ts';
import { betweenTicks } from '../set-bytes.ts';

export interface AwayBytes {
  /** On the GPU, of all that follows. */
  gpu: number;
  /** Of one layer with all its pages, where a prompt reads it, and of the lists there. */
  whole: number;
  wholeLists: number;
  /** Of what all layers chose, on its way to the CPU: of each layer where it begins. */
  choices: number[];
  choicesInAll: number;
  /** Of pages on their way to the CPU. */
  leaving: number;
  /** Of worker memory. */
  home: number;
}

const none: AwayBytes = { gpu: 0, whole: 0, wholeLists: 0, choices: [], choicesInAll: 0, leaving: 0, home: 0 };

type Room = Pick<PolicyRoom, 'context' | 'chunk' | 'format'>;

/** Rows of pages that a tick may fill: tokens of a step of a prompt, or of an answer, and a page that was begun before. */
export const newRows = ({ chunk = Infinity, interval }: Pick<KvPlan, 'chunk' | 'interval'>, room: Pick<Room, 'chunk'>): number =>
  Math.ceil(betweenTicks(Math.min(chunk, room.chunk), interval) / pageSlots) + 1;

export function awayBytes(plan: KvPlan, { heads, queryHeads }: Pick<PolicyModel, 'heads' | 'queryHeads'>, room: Room): AwayBytes {
  const away = heads.map((_, layer) => pickedSet(plan.layers[layer])?.frames !== undefined);
  if (!away.includes(true)) return none;
  const own = heads.map((each, layer) => (away[layer] ? each : { ...each, kvHeads: 0 }));
  const rows = Math.floor(room.context / pageSlots);
  const layers = own.map((each) => segmentBytes(each, room.context, room.format));
  const row = own.map((each) => segmentBytes(each, pageSlots, room.format));
  const words = own.map((each, layer) => (away[layer] ? inQuads(pickedWords(pickedSet(plan.layers[layer])!, queryHeads[layer], each.headDim)) : 0));
  const choices = words.map((_, layer) => 4 * sum(words.slice(0, layer)));
  const mostHeads = Math.max(...own.map(({ kvHeads }) => kvHeads));
  const bytes = {
    whole: Math.max(...layers), wholeLists: 4 * mostHeads * (2 + rows + 1), choices, choicesInAll: 4 * sum(words),
    leaving: Math.max(sum(row), newRows(plan, room) * Math.max(...row)), home: rows * sum(row),
  };
  return { ...bytes, gpu: bytes.whole + bytes.wholeLists + bytes.choicesInAll + bytes.leaving };
}

/** As buffers are rounded. */
const inQuads = (words: number): number => 4 * Math.ceil(words / 4);

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
