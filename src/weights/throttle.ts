// Makes reads take longer, as a slower device would: for measurements of what reading ahead hides.

/** `read` with `msPerByte` added to each read, one after the other whatever is asked at once. */
export function throttled<R extends { length: number }, T>(read: (range: R) => Promise<T>, msPerByte: number): (range: R) => Promise<T> {
  let free = 0; // when the device has done what it was asked so far
  return async (range) => {
    const result = await read(range);
    const now = performance.now();
    free = Math.max(free, now) + range.length * msPerByte;
    await new Promise((resolve) => setTimeout(resolve, free - now));
    return result;
  };
}
