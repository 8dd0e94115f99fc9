// The streamed weights of a session: by all runners that it has had, as one may be replaced by another.
import { type TransferStats } from '../../protocol.ts';
import { type Runner } from './runner.ts';

export interface Transfers {
  total(): TransferStats;
  /** Counts once what was streamed by a runner, if another one has replaced it. */
  leave(runner: Runner): void;
}

export function countTransfers(current: () => Runner): Transfers {
  let before: TransferStats | undefined; // by runners that are gone
  const left = new WeakSet<Runner>();
  return {
    total: () => sum(current().transfer(), before),
    leave(runner) {
      if (left.has(runner) || current() === runner) return;
      left.add(runner);
      before = sum(runner.transfer(), before);
    },
  };
}

const sum = (a: TransferStats, b?: TransferStats): TransferStats =>
  b ? (Object.fromEntries(Object.entries(a).map(([name, value]) => [name, value + b[name as keyof TransferStats]])) as unknown as TransferStats) : a;

export const difference = (after: TransferStats, before: TransferStats): TransferStats =>
  Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name as keyof TransferStats]])) as unknown as TransferStats;
