// From callbacks to `for await`. Knows nothing about what it carries.

/** An iterator over what is pushed. Leaving its loop early calls `onLeave`. One reader. */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  private items: T[] = [];
  private readers: { resolve(result: IteratorResult<T>): void; reject(error: Error): void }[] = [];
  private closed = false;
  private error: Error | null = null;

  constructor(private readonly onLeave: () => void) {}

  push(item: T): void {
    if (this.closed) return;
    const reader = this.readers.shift();
    if (reader) reader.resolve({ done: false, value: item });
    else this.items.push(item);
  }

  /** No more items; those already pushed are still read, unless `drop`. With an error, the reader gets it after them. */
  close({ error = null, drop = false }: { error?: Error | null; drop?: boolean } = {}): void {
    if (drop) this.items = [];
    if (this.closed) return;
    this.closed = true;
    this.error = error;
    for (const reader of this.readers.splice(0)) {
      if (error) reader.reject(error);
      else reader.resolve({ done: true, value: undefined });
    }
  }

  next(): Promise<IteratorResult<T>> {
    if (this.items.length > 0) return Promise.resolve({ done: false, value: this.items.shift()! });
    const { error } = this;
    this.error = null; // thrown once; the iterator has then ended
    if (error) return Promise.reject(error);
    if (this.closed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.readers.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<T>> {
    this.close({ drop: true });
    this.onLeave();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
