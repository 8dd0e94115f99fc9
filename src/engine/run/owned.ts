// What owners are given by others than prompts: a copy of what another has, or a sequence that is filled.
import { type Pool, type Reusable, close, freeBytes, isFree, isIdle, ofOwner, roomFor, use } from './sequences.ts';

/** Frees what an owner has, if nobody uses it. */
function vacate<S extends Reusable>(pool: Pool<S>, owner: string): void {
  const before = ofOwner(pool, owner);
  if (before && !pool.busy.has(before)) close(pool, before);
}

export async function forkFor<S extends Reusable>(pool: Pool<S>, from: string, owner: string): Promise<boolean> {
  vacate(pool, owner);
  const parent = ofOwner(pool, from);
  if (!parent?.tokens.length) return false;
  if (!freeBytes(pool, pool.first.bytesFor(parent.tokens.length), parent)) return false;
  const child = await parent.fork(parent.tokens.length);
  pool.live.push(child);
  pool.owners.set(child, owner);
  return true;
}

export async function fillFor<S extends Reusable>(
  pool: Pool<S>,
  owner: string,
  { positions, fill }: { positions: number; fill(sequence: S): Promise<void> },
): Promise<boolean> {
  const { live, busy, owners, create, first } = pool;
  vacate(pool, owner);
  const empty = () => live.find((each) => isIdle(pool)(each) && !each.tokens.length);
  let sequence = empty();
  // The one that stays is emptied where others are closed.
  sequence ??= freeBytes(pool, first.bytesFor(positions)) ? (empty() ?? create()) : (live.find(isFree(pool)) ?? live.find(isIdle(pool)));
  if (!sequence || (!roomFor(pool, sequence, positions) && busy.size)) return false;
  use(pool, sequence);
  try {
    await fill(sequence);
    owners.set(sequence, owner);
    return true;
  } catch (error) {
    close(pool, sequence);
    throw error;
  } finally {
    busy.delete(sequence);
  }
}
