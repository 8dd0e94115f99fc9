// Items of pools in worker memory, behind those in slots on the GPU: those that were fetched last, up to a number of bytes. What stays
// on the GPU for long leaves here, as nobody asks for it; what comes and goes there is found here.

export interface ItemMemory {
  get(id: number): Uint8Array<ArrayBuffer> | undefined;
  /** Keeps the bytes, which nobody may change after. */
  put(id: number, bytes: Uint8Array<ArrayBuffer>): void;
  readonly byteLength: number;
}

export function createItemMemory(mostBytes: number): ItemMemory {
  const kept = new Map<number, Uint8Array<ArrayBuffer>>(); // the last fetched last
  let byteLength = 0;
  const drop = (id: number) => {
    byteLength -= kept.get(id)?.byteLength ?? 0;
    kept.delete(id);
  };
  return {
    get byteLength() {
      return byteLength;
    },
    get(id) {
      const bytes = kept.get(id);
      if (!bytes) return undefined;
      kept.delete(id);
      kept.set(id, bytes);
      return bytes;
    },
    put(id, bytes) {
      drop(id);
      if (bytes.byteLength > mostBytes) return;
      while (byteLength + bytes.byteLength > mostBytes) drop(kept.keys().next().value!);
      kept.set(id, bytes);
      byteLength += bytes.byteLength;
    },
  };
}
