// Of two policies the one that would have missed less lately: both are played through beside each other, without bytes. Whether
// recency or frequency tells more differs from model to model, from text to text, and by how many slots there are.
import { type Order, orderOf } from './order.ts';
import { type Policy, type Residence } from './residence.ts';

/** What a policy alone would hold. */
interface Shadow {
  residence: Residence;
  held: Order;
  /** Items that it missed, each counting less the longer ago it was. */
  missed: number;
}

/** Uses in which a miss loses half of its weight, for each slot. */
const memory = 32;

export const betterOf = (policies: readonly Policy[]): Policy => ({
  name: `better of: ${policies.map(({ name }) => name).join('; ')}`,
  create(slots) {
    const shadows = policies.map((policy): Shadow => {
      const residence = policy.create(slots);
      return { residence, held: orderOf(residence), missed: 0 };
    });
    const fading = 2 ** (-1 / (memory * slots));
    let best = shadows[0];
    let uses = 0;
    return {
      use(id, time) {
        uses++;
        for (const shadow of shadows) play(shadow, id, { time, uses, slots, fading });
        for (const shadow of shadows) if (shadow.missed < best.missed) best = shadow;
      },
      worth: (id) => best.residence.worth(id),
      order: () => bestOf(shadows.map(({ residence }) => orderOf(residence)), () => shadows.indexOf(best)),
    };
  },
});

function play(shadow: Shadow, id: number, { time, uses, slots, fading }: { time: number; uses: number; slots: number; fading: number }): void {
  const { residence, held } = shadow;
  residence.use(id, time);
  shadow.missed *= fading;
  if (held.has(id)) return;
  shadow.missed++;
  if (held.size >= slots) held.take();
  held.add(id, uses);
}

/** What is held in each policy's order, so that none has to be made when another policy becomes the best. */
function bestOf(orders: readonly Order[], best: () => number): Order {
  const remove = (id: number): void => orders.forEach((order) => order.delete(id));
  return {
    add: (id, tie) => orders.forEach((order) => order.add(id, tie)),
    take(kept) {
      const id = orders[best()].take(kept);
      if (id !== undefined) remove(id);
      return id;
    },
    delete: remove,
    has: (id) => orders[0].has(id),
    get size() {
      return orders[0].size;
    },
  };
}
