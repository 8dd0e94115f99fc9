// The items used most in the first part of the uses stay for good, once that is over; before it, and among the others, the
// least recently used goes.
import { leastRecent } from './least-recent.ts';
import { type Policy } from './residence.ts';

/** `learning`: until when uses are counted. */
export const staticHotSet = (learning: number): Policy => ({
  name: `static hot set after ${learning}`,
  create(slots) {
    const recent = leastRecent.create(slots);
    const counts = new Map<number, number>();
    let hot = new Set<number>();
    let isLearning = true;
    return {
      use(id, time) {
        recent.use(id, time);
        if (time < learning) counts.set(id, (counts.get(id) ?? 0) + 1);
        else if (isLearning) {
          isLearning = false;
          const order = [...counts].sort(([, a], [, b]) => b - a).map(([each]) => each);
          hot = new Set(order.slice(0, Math.floor((3 / 4) * slots))); // the others need slots to pass through
        }
      },
      worth: (id) => (hot.has(id) ? Number.MAX_VALUE : recent.worth(id)),
    };
  },
});
