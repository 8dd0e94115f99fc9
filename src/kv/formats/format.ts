// What a format of keys and values is: the one interface that a file in this folder implements. Knows no buffer and no layer.
//
// A page holds 32 slots of one key/value head: keys as (unit, slot), then values as (slot, unit). `shaders/kv/NAME.wgsl` packs
// and unpacks units; `shaders/kv/page` says where in a page they lie.

/** Slots of a page. */
export const pageSlots = 32;

export interface KvFormat {
  /** As options and results name it; also the name of its shader file. */
  readonly name: string;
  /** For people who choose one. */
  readonly label: string;
  /** How far a stored number may be off, as a share of the largest of its head; 0 if nothing is rounded. */
  readonly rounding: number;
  /** u32 words that a slot has for every 4 dimensions of a head: what one read gives. */
  readonly unitWords: number;
  /** Units of a head behind those of its dimensions. */
  readonly scaleUnits: number;
  /** Files of shaders, in order, of a kernel that reads pages, and of one that writes them. */
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** The words of one head of a key, or of a value: units of 4 dimensions, rounded up, and `scaleUnits`. */
  encode(head: Float32Array): Uint32Array;
  /** What attention reads of them, (headDim). */
  decode(words: Uint32Array, headDim: number): Float32Array;
}

/** The shader files of a format. */
export const shadersOf = (name: string): Pick<KvFormat, 'read' | 'write'> => ({ read: [`kv/${name}`, 'kv/page/read'], write: [`kv/${name}`, 'kv/page/write'] });

/** Units of a key, or of a value. */
export const unitsOf = ({ scaleUnits }: Pick<KvFormat, 'scaleUnits'>, headDim: number): number => Math.ceil(headDim / 4) + scaleUnits;

/** First unit of a slot's key, or value, in its page, and how far it is to the next. */
export const unitsAt = (what: 'keys' | 'values', units: number, slot: number): { first: number; step: number } =>
  what === 'keys' ? { first: slot, step: pageSlots } : { first: (pageSlots + slot) * units, step: 1 };

/** u32 words of a page. */
export const pageWords = (format: Pick<KvFormat, 'unitWords' | 'scaleUnits'>, headDim: number): number =>
  2 * pageSlots * unitsOf(format, headDim) * format.unitWords;
