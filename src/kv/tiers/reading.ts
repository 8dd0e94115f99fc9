// Words of a buffer on their way to the CPU, one read of them at a time.

export type Reading = ReturnType<typeof createReading>;

export function createReading(staging: GPUBuffer) {
  let reading: Promise<Uint32Array | undefined> | undefined;
  return {
    begin(offset = 0, size = staging.size): void {
      reading = readWords(staging, offset, size);
      reading.catch(() => {}); // told by `take`
    },
    /** Once: also where it cannot be read, which is told once. */
    take(): Promise<Uint32Array | undefined> {
      const words = reading;
      reading = undefined;
      return words ?? Promise.resolve(undefined);
    },
    /** It is of what is gone, and has to be waited for all the same. */
    forget(): void {
      reading &&= reading.then(() => undefined, () => undefined);
    },
  };
}

async function readWords(staging: GPUBuffer, offset: number, size: number): Promise<Uint32Array> {
  await staging.mapAsync(GPUMapMode.READ, offset, size);
  const words = new Uint32Array(staging.getMappedRange(offset, size).slice(0));
  staging.unmap();
  return words;
}
