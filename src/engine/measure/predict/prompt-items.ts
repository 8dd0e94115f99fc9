// What steps of many rows take of layers' experts, or of neurons: a row uses few of them, many rows use most. Pure.
import { type OpenedModel } from '../../load/opened.ts';
import { mostUsedOf } from '../../load/plan/on-demand.ts';
import { type Plan } from '../../load/plan/plan.ts';
import { sum } from '../../../sum.ts';

/**
 * How many of `items` so many rows use, each of them `used`, if all are as likely: fewer where a router likes some better, so that this rather
 * promises too little.
 */
export const distinctItems = (items: number, used: number, rows: number): number => items * (1 - Math.max(0, 1 - used / items) ** rows);

/** Of each layer's pool, by its section: the share that one row uses, and the share that a step of so many rows does. */
export function sharesOf(opened: Pick<OpenedModel, 'graph' | 'layout'>, rows: number): ({ perRow: number; perStep: number } | undefined)[] {
  const most = mostUsedOf(opened);
  return opened.layout.sections.map(({ pool }) => {
    if (!pool) return undefined;
    const items = pool.items.length;
    const used = Math.min(most, items);
    return { perRow: used / items, perStep: distinctItems(items, used, rows) / items };
  });
}

/**
 * Bytes that are brought for a step of `chunk` rows where experts are fetched on demand: of what it uses as large a share is there as the slots
 * are of all, since a prompt goes through all layers over and over.
 */
export function broughtBytes(opened: Pick<OpenedModel, 'graph' | 'layout'>, { groups = [], chunk }: Pick<Plan, 'groups' | 'chunk'>): number {
  const shares = sharesOf(opened, chunk);
  const itemsOf = (section: number) => opened.layout.sections[section].pool!.items.length;
  return sum(groups.map(({ sections, slots, slotBytes }) => {
    const used = sum(sections.map((section) => itemsOf(section) * shares[section]!.perStep));
    return slotBytes * used * Math.max(0, 1 - slots / sum(sections.map(itemsOf)));
  }));
}
