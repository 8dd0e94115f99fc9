// Recency and frequency both: each use counts less the longer ago it is, by half after `halfLife` units of time. Lee et al.,
// "LRFU", IEEE Transactions on Computers 50 (12), 2001: with a short half-life the least recently used item goes, with a long
// one the least frequently used.
import { type Policy, worthNothing } from './residence.ts';

export const decay = (halfLife: number): Policy => ({
  name: `decay, half-life ${halfLife}`,
  create() {
    const uses = new Map<number, { sum: number; last: number }>(); // the sum as it was at the last use
    return {
      use(id, time) {
        const found = uses.get(id);
        uses.set(id, { sum: 1 + (found ? found.sum * 2 ** ((found.last - time) / halfLife) : 0), last: time });
      },
      worth(id) {
        const found = uses.get(id);
        return found ? Math.log2(found.sum) + found.last / halfLife : worthNothing; // the logarithm of the sum now, but for what all have in common
      },
    };
  },
});
