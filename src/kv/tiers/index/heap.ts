// Numbers by keys, the largest key first.

export type Heap = ReturnType<typeof createHeap>;

export const heapBytes = (capacity: number): number => 12 * capacity;

export function createHeap(capacity: number) {
  const keys = new Float64Array(capacity);
  const values = new Int32Array(capacity);
  let size = 0;

  /** Puts one at a place from which it may have to go up, or down. */
  function up(at: number, key: number, value: number): void {
    for (let parent = (at - 1) >> 1; at > 0 && keys[parent] < key; at = parent, parent = (at - 1) >> 1) {
      keys[at] = keys[parent];
      values[at] = values[parent];
    }
    keys[at] = key;
    values[at] = value;
  }

  function down(key: number, value: number): void {
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && keys[child + 1] > keys[child]) child++;
      if (keys[child] <= key) break;
      keys[at] = keys[child];
      values[at] = values[child];
      at = child;
    }
    keys[at] = key;
    values[at] = value;
  }

  return {
    get size() {
      return size;
    },
    clear: (): void => void (size = 0),
    push: (key: number, value: number): void => up(size++, key, value),
    pop(): number {
      const value = values[0];
      if (--size) down(keys[size], values[size]);
      return value;
    },
  };
}
