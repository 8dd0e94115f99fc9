// Takes a file's bytes in order and places rows as soon as they are whole. Knows neither store nor network.
import { concat } from './file-hash.ts';
import { type Piece, pieceEnd } from './pieces.ts';

/** A piece and the slab it belongs to; undefined for a tensor that the CPU reads. */
export interface Target {
  slab: number | undefined;
  piece: Piece;
}

export interface Placing {
  /** The words of a slab, as far as they are there. */
  open(slab: number): Promise<Uint32Array>;
  /** So many bytes of the file have been placed in all of these. */
  placed(targets: readonly Target[], bytes: number): void;
  /** All rows of a target have been placed. */
  finished(target: Target): Promise<void>;
}

export interface Placer {
  /** The targets that wait for bytes, all for the same ones: more than one where rows go to several places. None when all are placed. */
  readonly current: readonly Target[];
  /** The file's bytes from `offset` on. Bytes that no target needs may be left out, those that one needs may not. */
  feed(offset: number, bytes: Uint8Array): Promise<void>;
}

const noWords = new Uint32Array(0);
const noBytes = new Uint8Array(0);

/** `targets` in runs that are of the same bytes. */
export function togetherIn(targets: readonly Target[]): Target[][] {
  const runs: Target[][] = [];
  for (const target of targets) {
    const last = runs.at(-1);
    if (last?.[0].piece.offset === target.piece.offset) last.push(target);
    else runs.push([target]);
  }
  return runs;
}

/** `targets` are in the order of the file; they are of the same bytes or do not overlap. */
export function createPlacer(targets: readonly Target[], { open, placed, finished }: Placing): Placer {
  const runs = togetherIn(targets);
  let index = 0;
  let rowsDone = 0;
  let carry: Uint8Array = noBytes; // the beginning of a row
  return {
    get current() {
      return runs[index] ?? [];
    },
    async feed(offset, bytes) {
      const end = offset + bytes.length;
      for (; index < runs.length; ) {
        const run = runs[index];
        const [{ piece }] = run;
        const at = piece.offset + rowsDone * piece.rowBytes + carry.length;
        if (at >= end) return;
        if (at < offset) throw new Error(`Bytes ${at} to ${offset} of the file are missing.`);
        let part = bytes.subarray(at - offset, Math.min(end, pieceEnd(piece)) - offset);
        const words: Uint32Array[] = [];
        for (const { slab } of run) words.push(slab === undefined ? noWords : await open(slab));
        const place = (rows: Uint8Array): void => {
          run.forEach((target, i) => target.piece.place(words[i], rows, rowsDone));
          rowsDone += rows.length / piece.rowBytes;
          placed(run, rows.length);
        };
        if (carry.length > 0) {
          const take = Math.min(piece.rowBytes - carry.length, part.length);
          carry = concat(carry, part.subarray(0, take));
          part = part.subarray(take);
          if (carry.length < piece.rowBytes) return;
          place(carry);
          carry = noBytes;
        }
        const whole = part.length - (part.length % piece.rowBytes);
        if (whole > 0) place(part.subarray(0, whole));
        carry = part.slice(whole);
        if (rowsDone < piece.rows) return;
        index++;
        rowsDone = 0;
        for (const target of run) await finished(target);
      }
    },
  };
}
