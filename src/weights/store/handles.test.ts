// Files kept open: the last used ones, and none is closed under a reader.
import { expect, it } from 'vitest';
import { createHandles, mostOpen } from './handles.ts';
import { readFrom } from './slab-files.ts';

/** A file system that counts what is open. */
function counted(most?: number) {
  const open = new Set<string>();
  const opened: string[] = [];
  const handles = createHandles(async (path) => {
    if (path.includes('missing')) throw new DOMException(path, 'NotFoundError');
    opened.push(path);
    open.add(path);
    return { path, isOpen: () => open.has(path), close: () => void open.delete(path) };
  }, most);
  return { handles, open, opened };
}

it('of a model with 4,000 slabs at most 64 files stay open', async () => {
  const { handles, open } = counted();
  for (let i = 0; i < 4000; i++) {
    await handles.use(`m/${i}`, async () => {});
    expect(open.size).toBeLessThanOrEqual(mostOpen + 1);
  }
  await handles.closeAll('m/');
  expect(open.size).toBe(0);
});

it('the ones not used for longest are closed', async () => {
  const { handles, open, opened } = counted(2);
  for (const path of ['a', 'b', 'a', 'c', 'a']) await handles.use(path, async () => {});
  await new Promise((resolve) => setImmediate(resolve));
  expect([...open].sort()).toEqual(['a', 'c']);
  expect(opened).toEqual(['a', 'b', 'c']);
});

it('a file in use stays open, however many others are used and even when it is to be closed', async () => {
  const { handles, open } = counted(1);
  let finish = (): void => {};
  const reading = handles.use('m/a', async (handle) => {
    await new Promise<void>((resolve) => (finish = resolve));
    return handle.isOpen();
  });
  for (const path of ['m/b', 'm/c']) await handles.use(path, async () => {});
  const closing = handles.closeAll('m/');
  await new Promise((resolve) => setImmediate(resolve));
  expect([...open]).toEqual(['m/a']);
  finish();
  expect(await reading).toBe(true);
  await closing;
  expect(open.size).toBe(0);
});

it('a file that could not be opened is tried again', async () => {
  const { handles } = counted();
  for (let i = 0; i < 2; i++) await expect(handles.use('missing', async () => {})).rejects.toThrow('missing');
});

it('a read that gives fewer bytes than asked for goes on, and ends short where there are no more', async () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const short = (most: number, end: number) => ({
    getSize: () => 100,
    read(target: Uint8Array, { at }: { at: number }) {
      const piece = bytes.subarray(at, Math.min(at + target.length, at + most, end));
      target.set(piece);
      return piece.length;
    },
  });
  expect(await readFrom(short(7, 100), 10, 50)).toEqual(bytes.slice(10, 60));
  expect(await readFrom(short(7, 40), 10, 50)).toEqual(bytes.slice(10, 40));
  expect(await readFrom(short(7, 100), 90, Infinity)).toEqual(bytes.slice(90));
});
