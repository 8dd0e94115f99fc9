// What a sequence keeps in place of keys and values: a state of fixed size, of all its layers in one buffer, and copies of it as it was
// after some of the tokens. It cannot be cut: to go back is to go on from a copy. Knows no kernels.
import { type Ledger } from '../gpu/ledger.ts';
import { type Binding } from '../gpu/program.ts';

export interface Recurrent {
  /** Of one operation's state. */
  binding(name: string): Binding;
  /** Bytes of the state alone, and with its copies. */
  readonly stateBytes: number;
  readonly byteLength: number;
  /** Tokens that it has run; undefined while steps are under way, and after they failed. */
  readonly length: number | undefined;
  /** Steps are about to change it: until `ran`, nobody knows what it has run. */
  begin(): void;
  /** It has run so many tokens, and no others. */
  ran(length: number): void;
  /** Keeps a copy of it, in place of the oldest one. */
  keep(): void;
  /** Goes back to at most `length` tokens, as far as a copy allows; gives the length reached. Tokens are to be fed again from there. */
  reach(length: number): number;
  /** What `reach` would go on from: undefined at the beginning, where there is nothing. */
  source(length: number): { buffer: GPUBuffer; length: number } | undefined;
  /** Takes the place of what is here. */
  take(source: { buffer: GPUBuffer; length: number }): void;
  /** The same of bytes. */
  write(bytes: Uint8Array<ArrayBuffer>, length: number): void;
  free(): void;
}

/** Of each operation that has a state the bytes, by its name. */
export type StateSizes = Readonly<Record<string, number>>;

/** Copies that are kept: two, so that the last chunk of a prompt can be run again without all before it. */
const copies = 2;
/** Bindings begin at multiples of minStorageBufferOffsetAlignment, at most 256. */
const aligned = (bytes: number) => Math.ceil(bytes / 256) * 256;

const stateBytes = (sizes: StateSizes): number => Object.values(sizes).reduce((sum, bytes) => sum + aligned(bytes), 0);

/** Bytes of a sequence's state with its copies. */
export const recurrentBytes = (sizes: StateSizes): number => (1 + copies) * stateBytes(sizes);
/** Of its largest buffer. */
export const largestRecurrent = stateBytes;

/** At the beginning, where kernels take it for zeros whatever it holds. */
export function createRecurrent(device: GPUDevice, ledger: Ledger, sizes: StateSizes): Recurrent {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const byteLength = stateBytes(sizes);
  const make = (name: string) => ledger.create('kv', name, byteLength, usage);
  const places = new Map<string, { offset: number; size: number }>();
  Object.entries(sizes).reduce((offset, [name, size]) => (places.set(name, { offset, size }), offset + aligned(size)), 0);
  const buffer = make('sequence.recurrent');
  /** The oldest first. */
  const kept = Array.from({ length: copies }, (_, i) => ({ buffer: make(`sequence.recurrent.${i}`), length: 0 }));
  let length: number | undefined = 0;

  const copy = (from: GPUBuffer, to: GPUBuffer) => {
    const encoder = device.createCommandEncoder({ label: 'sequence.recurrent' });
    encoder.copyBufferToBuffer(from, 0, to, 0, byteLength);
    device.queue.submit([encoder.finish()]);
  };
  /** Copies of what is no longer so are of no use. */
  const forget = (beyond: number) => kept.forEach((each) => (each.length = each.length > beyond ? 0 : each.length));

  const source = (most: number) => {
    if (length !== undefined && length > 0 && length <= most) return { buffer, length };
    return kept.filter((each) => each.length > 0 && each.length <= most).sort((a, b) => b.length - a.length).at(0);
  };

  return {
    stateBytes: byteLength,
    byteLength: recurrentBytes(sizes),
    get length() {
      return length;
    },
    binding: (name) => ({ buffer, ...places.get(name)! }),
    begin: () => void (length = undefined),
    ran: (now) => void (length = now),
    keep() {
      if (!length || kept.some((each) => each.length === length)) return;
      const [oldest] = kept.splice(0, 1);
      copy(buffer, oldest.buffer);
      kept.push({ ...oldest, length });
    },
    reach(most) {
      if (length !== undefined && length <= most) return length;
      const from = source(most);
      if (from) copy(from.buffer, buffer);
      length = from?.length ?? 0;
      forget(most);
      return length;
    },
    source,
    take(from) {
      copy(from.buffer, buffer);
      length = from.length;
      forget(0);
    },
    write(bytes, now) {
      device.queue.writeBuffer(buffer, 0, bytes);
      length = now;
      forget(0);
    },
    free: () => [buffer, ...kept.map((each) => each.buffer)].forEach((each) => ledger.destroy(each)),
  };
}
