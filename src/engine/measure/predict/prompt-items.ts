// What steps of many rows take of layers' experts, or of neurons: a row uses few of them, many rows use most. Pure.
import { type OpenedModel } from '../../load/opened.ts';
import { type ExpertGates } from '../../../model/ops/rare/expert-gates.ts';
import { usedIn } from '../../load/plan/on-demand.ts';
import { type Plan } from '../../load/plan/plan.ts';
import { sum } from '../../../sum.ts';

/**
 * How many of `items` so many rows use, each of them `used`, if all are as likely: fewer where a router likes some better, so that this rather
 * promises too little.
 */
export const distinctItems = (items: number, used: number, rows: number): number => items * (1 - Math.max(0, 1 - used / items) ** rows);

/** What one row uses of so many items, and what a step of many rows does, of all. */
interface Share {
  perRow: number;
  perStep: number;
}

interface ByteRange {
  start: number;
  end: number;
}

function shareOf(items: number, most: number, rows: number): Share {
  const used = Math.min(most, items);
  return { perRow: used / items, perStep: distinctItems(items, used, rows) / items };
}

type Opened = Pick<OpenedModel, 'sections' | 'layout'>;

const poolShare = (opened: Opened, section: number, rows: number): Share =>
  shareOf(opened.layout.sections[section].pool!.items.length, usedIn(opened, section), rows);

/** Of a section the bytes of which rows take a share: those of its pool, and of the gates of all experts. */
export function sharedBytes(opened: Opened, index: number, rows: number): (Share & ByteRange)[] {
  const { sections, layout } = opened;
  const { pool, byteLength } = layout.sections[index];
  const gates = sections[index].ops.flatMap(({ op, stacks }) => {
    if (op.op !== 'expert-gates') return [];
    const { experts, used } = op as ExpertGates;
    const matrices = stacks.flatMap(({ section, stack }) => layout.sections[section].stacks[stack]);
    return matrices.map(({ offset, panels: { panels, panelBytes } }) => ({
      start: offset, end: offset + panels * panelBytes, ...shareOf(experts, used, rows),
    }));
  });
  return [...gates, ...(pool ? [{ start: pool.offset, end: byteLength, ...poolShare(opened, index, rows) }] : [])];
}

/**
 * Bytes that are brought for a step of `chunk` rows where experts are fetched on demand: of what it uses as large a share is there as the slots
 * are of all, since a prompt goes through all layers over and over.
 */
export function broughtBytes(opened: Opened, { groups = [], chunk }: Pick<Plan, 'groups' | 'chunk'>): number {
  const itemsOf = (section: number) => opened.layout.sections[section].pool!.items.length;
  return sum(groups.map(({ sections, slots, slotBytes }) => {
    const used = sum(sections.map((section) => itemsOf(section) * poolShare(opened, section, chunk).perStep));
    return slotBytes * used * Math.max(0, 1 - slots / sum(sections.map(itemsOf)));
  }));
}
