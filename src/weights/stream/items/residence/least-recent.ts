// The least recently used item goes.
import { type Policy, worthNothing } from './residence.ts';

export const leastRecent: Policy = {
  name: 'least recent',
  create() {
    const last = new Map<number, number>();
    return {
      use: (id, time) => void last.set(id, time),
      worth: (id) => last.get(id) ?? worthNothing,
    };
  },
};
