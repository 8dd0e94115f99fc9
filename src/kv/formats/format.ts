// What a format of keys and values is: the one interface that a file in this folder implements. Knows no buffer and no layer.
//
// A page holds 32 slots of one key/value head: keys as (unit, slot), then values as (slot, unit). `shaders/kv/NAME.wgsl` packs
// and unpacks units; `shaders/kv/page` says where in a page they lie.

/** Slots of a page. */
export const pageSlots = 32;

/** What pages may be made of. */
export interface PageFormat {
  /** As options and results name it. */
  readonly name: string;
  /** u32 words of a page. */
  words(headDim: number): number;
  /** Files of shaders, in order, and module constants of a kernel that reads pages. */
  readonly read: readonly string[];
  readonly consts?: Readonly<Record<string, number>>;
  /** Keys are kept as they were before their positions turned them: what reads them is told how those do (`Turn`). */
  readonly turned?: true;
  /** u32 words of each kv head, before the list of its pages. Default: none. */
  headWords?(headDim: number): number;
}

/** What slots may be sealed in, once they are older than all steps that write. */
export interface SealedFormat extends PageFormat {
  /** The kernel that seals pages, and its files of shaders in front of those that tell which slots, in order. */
  readonly sealer: 'kv-seal' | 'kv-pack';
  readonly seal: readonly string[];
}

/** What new keys and values may be written in. */
export interface KvFormat extends PageFormat {
  /** For people who choose one. */
  readonly label: string;
  /** How far a stored number may be off, as a share of the largest of its head; 0 if nothing is rounded. */
  readonly rounding: number;
  /** u32 words that a slot has for every 4 dimensions of a head: what one read gives. */
  readonly unitWords: number;
  /** Units of a head behind those of its dimensions. */
  readonly scaleUnits: number;
  /** Files of shaders that a kernel has besides `read` which writes pages too, and those of one that writes them alone. */
  readonly append: readonly string[];
  readonly write: readonly string[];
  /** The words of one head of a key, or of a value: units of 4 dimensions, rounded up, and `scaleUnits`. */
  encode(head: Float32Array): Uint32Array;
  /** The numbers of units of 4, as many as `into` has room for, without their scales. */
  unpack(words: Uint32Array, into: Float32Array): void;
  /** What attention reads of them, (headDim). */
  decode(words: Uint32Array, headDim: number): Float32Array;
}

type Packed = Pick<KvFormat, 'name' | 'words' | 'read' | 'append' | 'write' | 'unitWords' | 'scaleUnits'>;

/** The name of a format that packs each head by itself, its pages, and the shader files that it has by its name. */
export const packedHeads = (name: string, unit: Pick<KvFormat, 'unitWords' | 'scaleUnits'>): Packed => ({
  name,
  ...unit,
  words: (headDim) => 2 * pageSlots * unitsOf(unit, headDim) * unit.unitWords,
  read: [`kv/${name}`, 'kv/page/read'],
  append: ['kv/page/append'],
  write: [`kv/${name}`, 'kv/page/write'],
});

/** Units of a key, or of a value. */
export const unitsOf = ({ scaleUnits }: Pick<KvFormat, 'scaleUnits'>, headDim: number): number => Math.ceil(headDim / 4) + scaleUnits;

/** First unit of a slot's key, or value, in its page, and how far it is to the next. */
export const unitsAt = (what: 'keys' | 'values', units: number, slot: number): { first: number; step: number } =>
  what === 'keys' ? { first: slot, step: pageSlots } : { first: (pageSlots + slot) * units, step: 1 };
