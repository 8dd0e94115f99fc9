// Experts that a step chose (or neurons that are on), where they are fetched on demand: their ids come back to the CPU, and those that are
// missing are brought before what reads them runs. Where most are there, a step of one row runs ahead over several layers as if all were, and
// is told afterwards; from the first layer that missed some it goes on again, from what was noted of it. What it computed in between is
// computed anew, keys and values at the same places too; other states of the sequence are put back before.
import { type SequenceBuffers } from '../../model/operation.ts';
import { type Items } from '../../weights/stream/items/items.ts';
import { type LoadedModel } from '../load/load.ts';
import { choiceBytes, choicesBytes, notedBytes } from '../load/plan/plan-bytes.ts';
import { layersAhead, mayRunAhead, statesBehind } from '../load/plan/running-ahead.ts';

export interface Choices {
  /** Begins a step; resolves when nothing is under way of what an earlier one chose. `alone`: the sequence of a step of one row, which may run ahead. */
  begin(rows: number, alone?: SequenceBuffers): Promise<void>;
  /** Puts back what a layer had that is gone back to, if one is. */
  restore(encoder: GPUCommandEncoder): void;
  /** Notes what a section chose, between the passes of a submit; piece `next` comes after it. `isFinal`: no section chooses after it. */
  note(encoder: GPUCommandEncoder, section: number, next: number, isFinal: boolean): void;
  /** Whether what comes next runs as if all that was chosen were there. */
  readonly isAhead: boolean;
  /** Call after each submit: reads what was noted, once there is to be no more of it. */
  submitted(): void;
  /**
   * Resolves when some of the experts that were chosen last are in their slots: `last` if no others are left. Or with the piece to go back
   * to, from where those have to be run that were run without their experts.
   */
  next(signal?: AbortSignal): Promise<{ last: boolean; back?: number }>;
}

/** A section's choice, and the piece behind it. */
interface Noted {
  section: number;
  next: number;
}

/** Of the share of layers that had all their experts. */
const memory = 0.98;

/** What is chosen for some rows. */
function idsIn(words: Uint32Array, { first, rows, stride, used }: { first: number; rows: number; stride: number; used: number }): Set<number> {
  const ids = new Set<number>();
  for (let row = first; row < first + rows; row++) for (const id of words.subarray(row * stride, row * stride + used)) ids.add(id);
  return ids;
}

/** What is on in a row of bits. */
function* bitsIn(words: Uint32Array): Generator<number, void> {
  for (let i = 0; i < words.length; i++) for (let left = words[i]; left !== 0; left &= left - 1) yield 32 * i + (31 - Math.clz32(left & -left));
}

async function readWords(staging: GPUBuffer, byteLength: number): Promise<Uint32Array> {
  await staging.mapAsync(GPUMapMode.READ, 0, byteLength);
  const words = new Uint32Array(staging.getMappedRange(0, byteLength).slice(0));
  staging.unmap();
  return words;
}

/**
 * What a step is gone back to: of each layer that was run past a row of the residual stream, and what was chosen; and the states that are advanced from
 * there up to the next choice, of which there is one copy.
 */
function createNotes({ ledger, activations: { buffers, strides }, sections, plan: { aheadBytes } }: LoadedModel) {
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const saved = ledger.create('staging', 'choices.noted', notedBytes(strides, sections.flatMap(({ pool }) => pool ?? [])), usage);
  const savedStates = aheadBytes ? ledger.create('staging', 'choices.states', aheadBytes, usage) : undefined;
  let end = 0;
  const behind = new Map([...(savedStates ? statesBehind(sections) : [])].map(([section, states]) =>
    [section, states.map(({ name, bytes }) => ({ name, bytes, at: (end += bytes) - bytes }))]));
  const xBytes = 4 * strides.x;
  /** What was noted as the `n`th: where it is, and where it lies. */
  const ofLayer = (n: number, section: number) => {
    const { chosen } = sections[section].pool!;
    const idBytes = choiceBytes(strides, sections[section].pool!, 1);
    const at = n * (xBytes + idBytes);
    return [{ buffer: buffers.x.buffer, at, bytes: xBytes }, { buffer: buffers[chosen.buffer].buffer, at: at + xBytes, bytes: idBytes }];
  };
  const statesOf = (section: number, of: SequenceBuffers) =>
    (behind.get(section) ?? []).map(({ name, bytes, at }) => ({ ...of.recurrent!(name), at, bytes }));
  return {
    save(encoder: GPUCommandEncoder, n: number, section: number, of: SequenceBuffers): void {
      for (const { buffer, at, bytes } of ofLayer(n, section)) encoder.copyBufferToBuffer(buffer, 0, saved, at, bytes);
      for (const { buffer, offset = 0, at, bytes } of statesOf(section, of)) encoder.copyBufferToBuffer(buffer, offset, savedStates!, at, bytes);
    },
    /** `sections`: the one of what was noted as the `n`th, and those noted behind it that were run past too. */
    putBack(encoder: GPUCommandEncoder, n: number, sections: readonly number[], of: SequenceBuffers): void {
      for (const { buffer, at, bytes } of ofLayer(n, sections[0])) encoder.copyBufferToBuffer(saved, at, buffer, 0, bytes);
      for (const section of sections)
        for (const { buffer, offset = 0, at, bytes } of statesOf(section, of)) encoder.copyBufferToBuffer(savedStates!, at, buffer, offset, bytes);
    },
  };
}

export function createChoices(model: LoadedModel, items: Items): Choices {
  const { ledger, activations: { buffers, strides }, sections, sizes, planned: { chosen: { options: { experiment = {} } } } } = model;
  const pools = sections.flatMap(({ pool }) => pool ?? []);
  const poolOf = (section: number) => sections[section].pool!;
  const staging = ledger.create('staging', 'readback.choices', choicesBytes(strides, sizes, pools), GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  const notes = createNotes(model);
  const isAhead = mayRunAhead(sections, model.plan) && experiment.layersAhead !== 1;
  /** Of what a section chose for so many rows. */
  const bytesOf = (section: number, ofRows: number) => choiceBytes(strides, poolOf(section), ofRows);
  let rows = 1;
  let of: SequenceBuffers | undefined; // of a step that may run ahead
  let complete = 0.5; // share of layers that had all experts lately
  let noted: Noted[] = [];
  let isClosed = false;
  let reading: Promise<Uint32Array> | undefined;
  let restored: { n: number; sections: number[] } | undefined; // index of what was noted; its section, and those behind it that were run

  /** What was run without its experts, if anything was: its index among what was noted. */
  function firstMissed(words: Uint32Array): number {
    for (let n = 0; n < noted.length; n++) {
      const { section } = noted[n];
      const { chosen: { buffer, as }, used } = poolOf(section);
      const ids = as === 'bits' ? new Set(bitsIn(words)) : idsIn(words, { first: n, rows, stride: strides[buffer], used });
      const isThere = items.areThere(section, ids);
      complete = memory * complete + (isThere ? 1 - memory : 0);
      if (isThere && n + 1 < noted.length) items.use(section, ids, rows);
      else {
        items.want(section, ids, rows);
        return n;
      }
    }
    throw new Error('No experts were chosen.');
  }

  return {
    async begin(stepRows, alone) {
      await reading?.catch(() => {});
      await items.stop();
      [noted, isClosed, reading, restored] = [[], false, undefined, undefined];
      rows = stepRows;
      of = isAhead ? alone : undefined;
    },
    restore(encoder) {
      if (restored === undefined) return;
      notes.putBack(encoder, restored.n, restored.sections, of!);
      restored = undefined;
    },
    note(encoder, section, next, isFinal) {
      const n = noted.length;
      const { buffer } = buffers[poolOf(section).chosen.buffer];
      encoder.copyBufferToBuffer(buffer, 0, staging, n * bytesOf(section, 1), bytesOf(section, rows));
      noted.push({ section, next });
      isClosed = isFinal || !of || noted.length >= (experiment.layersAhead ?? layersAhead(complete, pools.length));
      if (isClosed) return; // what is behind it is run once it is known
      if (n === 0) items.writeTables(); // those of layers that may be run ahead
      notes.save(encoder, n, section, of!);
    },
    get isAhead() {
      return noted.length > 0 && !isClosed;
    },
    submitted() {
      if (!isClosed || reading) return;
      reading = readWords(staging, bytesOf(noted[0].section, noted.length - 1 + rows));
      reading.catch(() => {}); // told by `next`
    },
    async next(signal) {
      if (!isClosed) return items.next(signal);
      const missed = firstMissed(await reading!);
      const { next } = noted[missed];
      const isBack = missed + 1 < noted.length;
      if (isBack) restored = { n: missed, sections: noted.slice(missed, -1).map(({ section }) => section) };
      [noted, isClosed, reading] = [[], false, undefined];
      return isBack ? { last: false, back: next } : items.next(signal);
    },
  };
}
