// Of two policies the one that would have missed less lately: both are played through beside each other, without bytes. Whether
// recency or frequency tells more differs from model to model, from text to text, and by how many slots there are.
import { type Policy, type Residence } from './residence.ts';

/** What a policy alone would hold. */
interface Shadow {
  residence: Residence;
  held: Set<number>;
  /** Items that it missed, each counting less the longer ago it was. */
  missed: number;
}


/** Uses in which a miss loses half of its weight, for each slot. */
const memory = 32;

export const betterOf = (policies: readonly Policy[]): Policy => ({
  name: `better of: ${policies.map(({ name }) => name).join('; ')}`,
  create(slots) {
    const shadows = policies.map((policy): Shadow => ({ residence: policy.create(slots), held: new Set(), missed: 0 }));
    const fading = 2 ** (-1 / (memory * slots));
    let best = shadows[0];
    return {
      use(id, time) {
        for (const shadow of shadows) play(shadow, id, time, slots, fading);
        for (const shadow of shadows) if (shadow.missed < best.missed) best = shadow;
      },
      worth: (id) => best.residence.worth(id),
    };
  },
});

function play(shadow: Shadow, id: number, time: number, slots: number, fading: number): void {
  const { residence, held } = shadow;
  residence.use(id, time);
  shadow.missed *= fading;
  if (held.has(id)) return;
  shadow.missed++;
  if (held.size >= slots) held.delete(leastOf(held, residence));
  held.add(id);
}

function leastOf(ids: Iterable<number>, { worth }: Pick<Residence, 'worth'>): number {
  let least = -1;
  let lowest = Infinity;
  for (const id of ids) {
    const value = worth(id);
    if (least >= 0 && value >= lowest) continue;
    least = id;
    lowest = value;
  }
  return least;
}
