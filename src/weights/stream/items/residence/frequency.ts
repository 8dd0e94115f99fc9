// The least frequently used item goes; of equals the one whose last use is longer ago.
import { type Policy, worthNothing } from './residence.ts';

export const frequency: Policy = {
  name: 'frequency',
  create() {
    const uses = new Map<number, { count: number; last: number }>();
    return {
      use: (id, time) => void uses.set(id, { count: (uses.get(id)?.count ?? 0) + 1, last: time }),
      worth(id) {
        const found = uses.get(id);
        return found ? found.count + found.last / (found.last + 1) : worthNothing; // less than one more use
      },
    };
  },
};
