// What a runner knows between steps: where each sequence stands, and which rows the head for chosen rows was told. Plain data,
// with what feeding and choosing both do to it.
import { RequestError } from '../../errors.ts';
import { type Sequence } from '../../kv/sequence.ts';
import { mostChosen } from '../../model/blocks/chosen-rows.ts';
import { writeRows } from '../../model/sequence-buffers.ts';
import { type LoadedModel } from '../load/load.ts';
import { type Readback, createReadback } from './readback.ts';
import { type Piece, type Submits, createSubmits } from './schedule/submits.ts';

export interface RunState {
  readonly model: LoadedModel;
  readonly submits: Submits;
  readonly readback: Readback;
  readonly cursors: WeakMap<Sequence, Cursor>;
  /** What runs before samplers choose: for one sequence, and for several. */
  readonly pieces: { readonly one: readonly Piece[]; readonly several: readonly Piece[] };
  /** Most sequences of a step. */
  readonly mostTogether: number;
  /** What the head for chosen rows was told last. */
  picked: readonly number[];
}

/** What the last steps left of a sequence. */
export interface Cursor {
  /** The token that the sampler chose last. */
  lastId?: number;
  /** Since a sampler started that asks. */
  chosen: number[];
  /** `Sequence.version` when bind groups were made. */
  boundFor?: number;
  /** Its row among the activations and the logits. */
  row: number;
}

export function createRunState(model: LoadedModel): RunState {
  const { ledger, programs, heads, sizes, graph } = model;
  return {
    model,
    submits: createSubmits(model),
    readback: createReadback(ledger, graph.config.vocab),
    cursors: new WeakMap(),
    pieces: { one: [...programs.decode, ...heads.last], several: [...programs.prefill, ...(heads.chosen?.stages ?? [])] },
    mostTogether: heads.chosen ? Math.min(sizes.logitsRows, mostChosen) : 1,
    picked: [],
  };
}

export function cursorOf({ cursors }: RunState, sequence: Sequence): Cursor {
  let cursor = cursors.get(sequence);
  if (!cursor) cursors.set(sequence, (cursor = { chosen: [], row: 0 }));
  return cursor;
}

export function checkRoom({ model: { sizes: { context } } }: RunState, length: number): void {
  if (length <= context) return;
  throw new RequestError(`${length} tokens do not fit the context of ${context}. Shorten the text or load the model with a longer context.`, {
    code: 'context_length_exceeded',
  });
}

/** Makes room for so many positions, and all that a step needs of the sequence; BudgetError where there is none. */
export async function makeRoom(state: RunState, sequence: Sequence, length: number): Promise<void> {
  const { programs } = state.model;
  checkRoom(state, length);
  await sequence.makeRoom(length);
  const cursor = cursorOf(state, sequence);
  if (cursor.boundFor === sequence.version) return;
  [...programs.decode, ...programs.prefill].forEach(({ program }) => program.bind(sequence));
  cursor.boundFor = sequence.version;
}

/** Says which rows of a step the head for chosen rows runs over. */
export function pick(state: RunState, rows: readonly number[]): void {
  const { gpu: { device: { queue } }, heads } = state.model;
  const { rows: chosen } = heads.chosen!;
  const before = state.picked;
  if (rows.length !== before.length) writeRows(queue, chosen, rows.length);
  if (rows.length !== before.length || rows.some((row, i) => row !== before[i])) queue.writeBuffer(chosen.rows.buffer, 0, Uint32Array.from(rows));
  state.picked = rows;
}
