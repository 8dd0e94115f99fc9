// Which items steps of one row used lately, section by section: plain data, by which the next plans of a model are made. The oldest give way.
import { type Layout } from '../../layout.ts';

/** For each use the section, and then its items. */
export type Uses = readonly (readonly number[])[];

export interface UsesLog {
  /** Of a step of so many rows. */
  note(section: number, items: readonly number[], rows: number): void;
  /** A copy. */
  uses(): Uses;
}

/** Numbers that are kept: 75 tokens of 48 layers that use 8 items each, and more of smaller models. */
const mostNumbers = 2 ** 15;

/** Goes on from `before`; of steps of several rows, as of prompts, nothing is kept. */
export function createUsesLog(before: Uses = [], mostKept = mostNumbers): UsesLog {
  let uses = [...before];
  let numbers = uses.reduce((sum, use) => sum + use.length, 0);
  let gone = 0; // of the oldest, cut off now and then
  return {
    note(section, items, rows) {
      if (rows > 1) return;
      uses.push([section, ...items]);
      numbers += 1 + items.length;
      while (numbers > mostKept) numbers -= uses[gone++].length;
      if (gone > uses.length / 2) [uses, gone] = [uses.slice(gone), 0];
    },
    uses: () => uses.slice(gone),
  };
}

/** Whether what was kept is of a model with this layout: it may be of another version, or damaged. */
export const areOf = ({ sections }: Pick<Layout, 'sections'>, uses: unknown): uses is Uses =>
  Array.isArray(uses) && uses.every((use: unknown) => {
    if (!Array.isArray(use) || !use.every((each: unknown) => Number.isInteger(each))) return false;
    const [section, ...items] = use as number[];
    const count = sections.at(section)?.pool?.items.length ?? 0;
    return section >= 0 && items.every((item) => item >= 0 && item < count);
  });
