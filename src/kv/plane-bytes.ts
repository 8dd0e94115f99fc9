// Bytes of what lies beside pages.
import { pageSlots } from './formats/format.ts';
import { type KvPlan } from './policy.ts';

/** Of the planes of so many pages. */
export const planeBytes = ({ planes }: Pick<KvPlan, 'planes'>, pages: number): number => 4 * pageSlots * planes.length * pages;
