// Makes reads take longer, as a slower device would: for measurements of what reading ahead hides.

/** `read` with `msPerByte` added to each read, one after the other whatever is asked at once. */
export function throttled<R extends { length: number }, T>(read: (range: R) => Promise<T>, msPerByte: number): (range: R) => Promise<T> {
  let free = 0; // when the device has done what it was asked so far
  let late = 0; // by how much the last timer came after its time, which no device would
  return async (range) => {
    const result = await read(range);
    const now = performance.now();
    const done = (free = Math.max(free, now - late) + range.length * msPerByte);
    if (done > now) await new Promise((resolve) => setTimeout(resolve, done - now));
    late = Math.max(0, performance.now() - done);
    return result;
  };
}
