// Copies bytes to GPU buffers. What `writeBuffer` stages until the GPU has taken it counts as GPU memory, so there is
// never more of it in flight than the plan allows.

export interface Uploader {
  /** Resolves when all of `bytes` are queued; work submitted afterwards sees them. */
  write(buffer: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The same of small parts, all of one size, as many in one upload as it has room for. */
  writeParts(buffer: GPUBuffer, parts: readonly { offset: number; bytes: Uint8Array<ArrayBuffer> }[]): Promise<void>;
  /** Waits until nothing is in flight. */
  idle(): Promise<void>;
}

/** `uploadBytes`: bytes per write, at most; twice as many may be in flight. `reserve` counts bytes until what it returns is called. */
export function createUploader(queue: GPUQueue, uploadBytes: number, reserve: (bytes: number) => () => void): Uploader {
  const inFlight = new Set<Promise<void>>();
  let waiting = 0; // bytes in flight

  /** One upload, once there is room for it. */
  async function upload(length: number, write: () => void): Promise<void> {
    while (waiting + length > 2 * uploadBytes) await Promise.race(inFlight);
    const release = reserve(length);
    waiting += length;
    write();
    queue.submit([]); // without which some implementations (wgpu) keep what they staged until the next one
    const taken = () => {
      release();
      waiting -= length;
      inFlight.delete(entry);
    };
    const entry: Promise<void> = queue.onSubmittedWorkDone().then(taken, taken); // rejected when the device is lost
    inFlight.add(entry);
  }

  return {
    async write(buffer, offset, bytes) {
      for (let done = 0; done < bytes.byteLength; done += uploadBytes) {
        const length = Math.min(uploadBytes, bytes.byteLength - done);
        await upload(length, () => queue.writeBuffer(buffer, offset + done, bytes, done, length));
      }
    },
    async writeParts(buffer, parts) {
      const each = parts.at(0)?.bytes.byteLength ?? 1;
      const most = Math.max(1, Math.floor(uploadBytes / each));
      for (let first = 0; first < parts.length; first += most) {
        const some = parts.slice(first, first + most);
        await upload(some.length * each, () => some.forEach(({ offset, bytes }) => queue.writeBuffer(buffer, offset, bytes)));
      }
    },
    async idle() {
      await Promise.all(inFlight);
    },
  };
}
