// Reads little-endian values from the front of a source that grows as needed. Knows the encoding of strings, not of GGUF.
import { InvalidFileError } from '../errors.ts';
import { type ByteSource } from './source.ts';
import { fromUtf8 } from './utf8.ts';

const firstRead = 256 * 1024;

/** Thrown by the readers below where the bytes at hand end; `whole` reads more and begins again. */
const short = Symbol('short');

export class Cursor {
  /** What is being read, for messages. */
  what = 'the magic number';
  position = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #ended = false;

  /** `limit`: bytes after which a header is absurd. */
  constructor(
    readonly source: ByteSource,
    readonly limit: number,
    readonly signal?: AbortSignal,
  ) {}

  /** Runs `step`, again from the same position each time the bytes at hand did not suffice. At most doubles what is held. */
  async whole<T>(step: () => T): Promise<T> {
    const start = this.position;
    for (;;) {
      try {
        return step();
      } catch (error) {
        if (error !== short) throw error;
        this.position = start;
        await this.#grow();
      }
    }
  }

  /** Bytes that can still follow `position`: a bound for lengths and counts that the file claims. */
  get remaining(): number {
    return Math.min(this.source.byteLength ?? Infinity, this.limit) - this.position;
  }

  fail(message: string): InvalidFileError {
    return new InvalidFileError(`${this.source.name}: ${this.what} (at byte ${this.position}) ${message}`);
  }

  /** Up to `length` of the first bytes, of those at hand. */
  front = (length: number): Uint8Array => this.#bytes.subarray(0, length);

  u8 = () => this.#view.getUint8(this.#take(1));
  i8 = () => this.#view.getInt8(this.#take(1));
  u16 = () => this.#view.getUint16(this.#take(2), true);
  i16 = () => this.#view.getInt16(this.#take(2), true);
  u32 = () => this.#view.getUint32(this.#take(4), true);
  i32 = () => this.#view.getInt32(this.#take(4), true);
  f32 = () => this.#view.getFloat32(this.#take(4), true);
  f64 = () => this.#view.getFloat64(this.#take(8), true);
  i64 = () => safe(this.#view.getBigInt64(this.#take(8), true));

  u64(): number | bigint {
    const at = this.#take(8);
    const high = this.#view.getUint32(at + 4, true);
    return high < 0x200000 ? high * 2 ** 32 + this.#view.getUint32(at, true) : this.#view.getBigUint64(at, true);
  }

  boolean = (): boolean => {
    const byte = this.u8();
    if (byte > 1) throw this.fail(`is a boolean with the value ${byte}; needed is 0 or 1. The file is damaged.`);
    return byte === 1;
  };

  /** A u64 that counts things of at least `unitBytes` bytes each, of which there can be at most `most`. */
  count(name: string, unitBytes: number, most: number): number {
    const count = this.u64();
    if (count > most) throw this.fail(`has ${count} ${name}; at most ${most} are read. The file is damaged or no model.`);
    if (Number(count) * unitBytes > this.remaining) {
      throw this.fail(
        `has ${count} ${name}, at least ${Number(count) * unitBytes} bytes, but at most ${this.remaining} bytes follow. The file is damaged or incomplete.`,
      );
    }
    return Number(count);
  }

  string = (): string => {
    const length = this.count('bytes of text', 1, this.limit);
    const at = this.#take(length);
    if (length > 24) return fromUtf8(this.#bytes.subarray(at, at + length));
    let text = ''; // TextDecoder costs more than the text when there are hundreds of thousands of short tokens
    for (let i = at; i < at + length; i++) {
      const byte = this.#bytes[i];
      if (byte > 127) return fromUtf8(this.#bytes.subarray(at, at + length));
      text += String.fromCharCode(byte);
    }
    return text;
  };

  /** A copy of the next bytes, aligned for a typed array. */
  copy(length: number): ArrayBuffer {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length).buffer;
  }

  #take(length: number): number {
    const at = this.position;
    if (at + length > this.#bytes.length) throw short;
    this.position += length;
    return at;
  }

  async #grow(): Promise<void> {
    const held = this.#bytes.length;
    const ask = Math.min(Math.max(held, firstRead), Math.min(this.source.byteLength ?? Infinity, this.limit) - held);
    if (this.#ended || ask <= 0) {
      throw held >= this.limit
        ? this.fail(`is not complete after ${this.limit} bytes, the most that are read of a header. The file is damaged or no model.`)
        : new InvalidFileError(
            `${this.source.name} ends after ${held} bytes, inside ${this.what} (at byte ${this.position}). The file is incomplete: get it again.`,
          );
    }
    const more = await this.source.readUpTo(held, ask, this.signal);
    this.#ended = more.length < ask;
    const bytes = new Uint8Array(held + more.length);
    bytes.set(this.#bytes);
    bytes.set(more, held);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

const safe = (value: bigint): number | bigint => (BigInt.asIntN(54, value) === value ? Number(value) : value);
