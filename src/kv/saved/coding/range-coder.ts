// An adaptive binary range coder (Martin, "Range encoding", 1979, with carries as LZMA has them): symbols of up to 8 bits, each bit by the probability
// that its place in a tree has come to. Whole numbers alone, so that every machine codes alike.
import { RequestError } from '../../../errors.ts';

/** Probabilities of a tree of symbols: of each node that its next bit is 0, of 2^16, and how often it was met. */
export interface Tree {
  readonly zero: Uint16Array;
  readonly met: Uint8Array;
}

export const createTree = (bits: number): Tree => ({ zero: new Uint16Array(1 << bits).fill(1 << 15), met: new Uint8Array(1 << bits) });

/** Probabilities have 12 bits where a range is divided; it is renewed below 2^24. */
const probabilityBits = 12;
const least = 2 ** 24;
/** A node adapts by 1 / (n + 1.5) as it is met for the n-th time, at last by 1 / 256. */
const mostMet = 254;
const rates = Int32Array.from({ length: mostMet + 1 }, (_, n) => 32768 / (n + 1.5));

/** What was learned stays, and is learned anew faster: for symbols that are much the same, as of the next channel. */
export function relearn({ met }: Tree, most = 24): void {
  for (let i = 0; i < met.length; i++) if (met[i] > most) met[i] = most;
}

export interface Encoder {
  /** Symbols of `bits`; without a tree they are written as they are. */
  put(symbols: Uint8Array, count: number, bits: number, tree?: Tree): void;
  end(): Uint8Array<ArrayBuffer>;
}

/** Bytes as they are made: the last of them may still change by a carry, and so may 255s behind it. */
function createBytes() {
  let out = new Uint8Array(4096);
  let size = 0;
  let held = 0;
  let waiting = 1;
  const write = (byte: number): void => {
    if (size === out.length) {
      const more = new Uint8Array(2 * size);
      more.set(out);
      out = more;
    }
    out[size++] = byte;
  };
  return {
    /** The highest of the 32 bits of `low`, of which a 33rd is a carry; what is left of it. */
    shift(low: number): number {
      if (low < 0xff000000 || low >= 2 ** 32) {
        const carry = low >= 2 ** 32 ? 1 : 0;
        write((held + carry) & 0xff);
        for (; waiting > 1; waiting--) write((0xff + carry) & 0xff);
        waiting = 0;
        held = Math.floor(low / least) & 0xff;
      }
      waiting++;
      return (low % least) * 256;
    },
    all: () => out.slice(0, size),
  };
}

export function createEncoder(): Encoder {
  const bytes = createBytes();
  const state = Float64Array.of(0, 0xffffffff); // low and range: in variables of their own while symbols are put, which is several times as fast
  const putAsIs = (symbols: Uint8Array, count: number, bits: number): void => {
    let [low, range] = state;
    for (let i = 0; i < count; i++) {
      range >>>= bits;
      low += range * symbols[i];
      for (; range < least; range = (range << 8) >>> 0) low = bytes.shift(low);
    }
    state.set([low, range]);
  };
  const putByTree = (symbols: Uint8Array, count: number, bits: number, { zero, met }: Tree): void => {
    let [low, range] = state;
    for (let i = 0; i < count; i++) {
      const symbol = symbols[i] | (1 << bits); // the highest bit leads from the root on
      for (let left = bits - 1; left >= 0; left--) {
        const node = symbol >>> (left + 1);
        const n = met[node];
        const share = zero[node];
        const bound = Math.imul(range >>> probabilityBits, (share >>> 4) | 1) >>> 0;
        if ((symbol >>> left) & 1) {
          low += bound;
          range = (range - bound) >>> 0;
          zero[node] = share + (Math.imul(-share, rates[n]) >> 15);
        } else {
          range = bound;
          zero[node] = share + (Math.imul(65535 - share, rates[n]) >> 15);
        }
        if (n < mostMet) met[node] = n + 1;
        for (; range < least; range = (range << 8) >>> 0) low = bytes.shift(low);
      }
    }
    state.set([low, range]);
  };
  return {
    put: (symbols, count, bits, tree) => (tree ? putByTree(symbols, count, bits, tree) : putAsIs(symbols, count, bits)),
    end() {
      for (let i = 0; i < 5; i++) state[0] = bytes.shift(state[0]);
      return bytes.all();
    },
  };
}

export interface Decoder {
  take(symbols: Uint8Array, count: number, bits: number, tree?: Tree): void;
  /** @throws RequestError where there is more than was taken. */
  end(): void;
}

export const damagedCodes = (why: string): RequestError =>
  new RequestError(`The saved sequence cannot be decoded: ${why}. It is damaged; run the conversation again from its text.`);

/** @throws RequestError as soon as more is taken than there is. */
export function createDecoder(bytes: Uint8Array): Decoder {
  let at = 5;
  const state = Float64Array.of(0, 0xffffffff); // code and range
  const tooShort = (): never => {
    throw damagedCodes(`its ${bytes.length} bytes of codes end before all is there`);
  };
  if (bytes.length < at) tooShort();
  if (bytes[0] !== 0) throw damagedCodes('its codes begin as none do');
  state[0] = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  const takeAsIs = (symbols: Uint8Array, count: number, bits: number): void => {
    let [code, range] = state;
    for (let i = 0; i < count; i++) {
      range >>>= bits;
      const symbol = Math.floor(code / range);
      if (symbol >= 1 << bits) throw damagedCodes('its codes are none');
      symbols[i] = symbol;
      code -= range * symbol;
      for (; range < least; range = (range << 8) >>> 0) code = ((code << 8) | (at < bytes.length ? bytes[at++] : tooShort())) >>> 0;
    }
    state.set([code, range]);
  };
  const takeByTree = (symbols: Uint8Array, count: number, bits: number, { zero, met }: Tree): void => {
    let [code, range] = state;
    for (let i = 0; i < count; i++) {
      let node = 1;
      for (let left = bits; left > 0; left--) {
        const n = met[node];
        const share = zero[node];
        const bound = Math.imul(range >>> probabilityBits, (share >>> 4) | 1) >>> 0;
        if (code < bound) {
          range = bound;
          zero[node] = share + (Math.imul(65535 - share, rates[n]) >> 15);
          if (n < mostMet) met[node] = n + 1;
          node *= 2;
        } else {
          code = (code - bound) >>> 0;
          range = (range - bound) >>> 0;
          zero[node] = share + (Math.imul(-share, rates[n]) >> 15);
          if (n < mostMet) met[node] = n + 1;
          node = 2 * node + 1;
        }
        for (; range < least; range = (range << 8) >>> 0) code = ((code << 8) | (at < bytes.length ? bytes[at++] : tooShort())) >>> 0;
      }
      symbols[i] = node - (1 << bits);
    }
    state.set([code, range]);
  };
  return {
    take: (symbols, count, bits, tree) => (tree ? takeByTree(symbols, count, bits, tree) : takeAsIs(symbols, count, bits)),
    end() {
      if (at !== bytes.length) throw damagedCodes(`${bytes.length - at} bytes of codes are too many`);
    },
  };
}
