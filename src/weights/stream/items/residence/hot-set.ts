// The items used most stay, in three quarters of the slots; in the others the least recently used goes. Which are used most is
// asked again from time to time, each use counting less the longer ago it is: between, what is hot stays, however near others come.
import { decay } from './decay.ts';
import { leastRecent } from './least-recent.ts';
import { type Policy } from './residence.ts';

const hotShare = 3 / 4;

/** `every`: units of time from one choice to the next; `halfLife`: in which a use loses half of its weight. */
export const hotSet = (every: number, halfLife: number): Policy => ({
  name: `hot set of every ${every}`,
  create(slots) {
    const recent = leastRecent.create(slots);
    const liked = decay(halfLife).create(slots);
    const seen = new Set<number>();
    let hot = new Set<number>();
    let next = every;
    let choices = 0;
    return {
      use(id, time) {
        if (time >= next) {
          const order = [...seen].sort((a, b) => liked.worth(b) - liked.worth(a));
          hot = new Set(order.slice(0, Math.floor(hotShare * slots)));
          next = time + every;
          choices++;
        }
        seen.add(id);
        recent.use(id, time);
        liked.use(id, time);
      },
      worth: (id) => (hot.has(id) ? Number.MAX_VALUE : recent.worth(id)),
      falls: () => choices, // what is hot no longer
    };
  },
});
