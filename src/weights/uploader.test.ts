import { expect, test } from 'vitest';
import { createUploader } from './uploader.ts';

/** A queue that takes what is written when the test says so. */
function slowQueue() {
  const written: { offset: number; bytes: number[] }[] = [];
  const taken: (() => void)[] = [];
  const queue = {
    writeBuffer: (_: GPUBuffer, offset: number, bytes: Uint8Array, from: number, length: number) => void written.push({ offset, bytes: [...bytes.subarray(from, from + length)] }),
    onSubmittedWorkDone: () => new Promise<undefined>((resolve) => taken.push(() => resolve(undefined))),
  } as unknown as GPUQueue;
  return { queue, written, taken };
}
const turn = () => new Promise((resolve) => setTimeout(resolve));

test('no more than two uploads are in flight, all bytes arrive in their place, and what is staged is counted', async () => {
  const { queue, written, taken } = slowQueue();
  let staged = 0;
  let most = 0;
  const uploader = createUploader(queue, 4, (bytes) => {
    most = Math.max(most, (staged += bytes));
    return () => void (staged -= bytes);
  });
  const bytes = Uint8Array.from({ length: 18 }, (_, i) => i);
  let done = false;
  const writing = uploader.write({} as GPUBuffer, 100, bytes).then(() => (done = true));
  await turn();
  expect(written.map(({ offset }) => offset)).toEqual([100, 104]); // the third waits
  taken[0]();
  await turn();
  expect(written).toHaveLength(3);
  for (let i = 1; i < 5; i++) {
    taken[i]();
    await turn();
  }
  await writing;
  expect(done).toBe(true);
  expect(written.flatMap((write) => write.bytes)).toEqual([...bytes]);
  expect(written.map(({ offset }) => offset)).toEqual([100, 104, 108, 112, 116]);
  await uploader.idle();
  expect([staged, most]).toEqual([0, 8]);
});
