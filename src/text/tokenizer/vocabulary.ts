// The vocabulary of a GGUF as plain data: what each id spells, what kind of token it is, and the flags that guide
// tokenising. Reads and checks metadata; cuts no text.
import { InvalidFileError } from '../../errors.ts';
import { type Metadata } from '../../gguf/header.ts';
import { getBoolean, getNumber, getNumbers, getString, getStrings } from '../../gguf/metadata.ts';
import { collectEndOfTurn } from '../end-of-turn.ts';

/** ggml's token types. Control and unknown tokens mean nothing as text; user-defined ones are cut out of any text. */
export const TokenKind = { Normal: 1, Unknown: 2, Control: 3, UserDefined: 4, Unused: 5, Byte: 6 } as const;

export interface Vocabulary {
  /** (id) the spelling as the file has it: byte-level, with U+2581 for spaces, or plain. */
  readonly spellings: readonly string[];
  /** (id) one of TokenKind; 0 for a type nobody knows. */
  readonly kinds: Uint8Array;
  /** (id) 1 for tokens that a message may not smuggle in: control tokens, by the file or by what is known of them. */
  readonly guarded: Uint8Array;
  /** (id) higher merges first; all 0 if the file has none. */
  readonly scores: ArrayLike<number>;
  /** Spelling -> id. */
  readonly ids: ReadonlyMap<string, number>;
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly unknown: number | undefined;
  /** Ids after which an answer is over. */
  readonly endOfTurn: ReadonlySet<number>;
  readonly addBos: boolean;
  readonly addEos: boolean;
  readonly addSpacePrefix: boolean;
  /** Special tokens that swallow the white space after them. */
  readonly trimmedAfter: ReadonlySet<number>;
  /** For people: what the file says and cannot be meant. */
  readonly notices: readonly string[];
}

/** What a kind of tokenizer takes for granted where a file says nothing. */
export interface VocabularyDefaults {
  readonly bos?: number;
  readonly eos?: number;
  readonly unknown?: number;
  readonly addBos?: boolean;
  /** BOS is added whatever the file says (Gemma 4 files say no and mean yes). */
  readonly alwaysBos?: boolean;
  readonly addSpacePrefix?: boolean;
}

const key = (name: string): string => `tokenizer.ggml.${name}`;

/** The keys that name a special token, in llama.cpp's spelling. */
const idKeys = ['bos', 'eos', 'eot', 'eom', 'unknown', 'fim_pre', 'fim_suf', 'fim_mid', 'fim_pad', 'fim_rep', 'fim_sep'] as const;
export type SpecialIds = { -readonly [name in (typeof idKeys)[number]]?: number };

/** How files write that they have no such token: -1, or that in 32 bits without a sign. */
const noId = [-1, 2 ** 32 - 1];

/** Throws InvalidFileError for arrays of different lengths and spellings used twice. A special id that does not exist takes the default, as in llama.cpp. */
export function readVocabulary(metadata: Metadata, defaults: VocabularyDefaults): Vocabulary {
  const spellings = getStrings(metadata, key('tokens')).map((text, id) => text || `[EMPTY_${id}]`);
  const size = spellings.length;
  if (size === 0) throw new InvalidFileError(`${key('tokens')} is empty; needed is one spelling for each token.`);
  const perToken = (name: string): ArrayLike<number> | undefined => {
    if (!metadata.has(key(name))) return undefined;
    const values = getNumbers(metadata, key(name));
    if (values.length === size) return values;
    throw new InvalidFileError(`${key(name)} has ${values.length} entries, ${key('tokens')} has ${size}; needed is one for each token. The file is damaged.`);
  };
  const kinds = Uint8Array.from(perToken('token_type') ?? new Uint8Array(size).fill(TokenKind.Normal), (kind) =>
    kind >= TokenKind.Normal && kind <= TokenKind.Byte ? kind : 0,
  );
  const scores = perToken('scores') ?? new Float32Array(size);

  const ids = new Map<string, number>();
  spellings.forEach((text, id) => {
    const other = ids.get(text);
    if (other !== undefined)
      throw new InvalidFileError(`Tokens ${other} and ${id} are both spelt ${JSON.stringify(text)}; spellings are unique in a sound vocabulary.`);
    ids.set(text, id);
    if (kinds[id] === TokenKind.Byte && byteValue(text) === undefined) {
      throw new InvalidFileError(`Token ${id} is of the byte type but is spelt ${JSON.stringify(text)}; needed is a spelling like <0x0A>.`);
    }
  });

  const special: SpecialIds = {};
  const notices: string[] = [];
  for (const name of idKeys) {
    const fallback = name === 'bos' || name === 'eos' || name === 'unknown' ? defaults[name] : undefined;
    if (fallback !== undefined && fallback < size) special[name] = fallback;
    if (!metadata.has(key(`${name}_token_id`))) continue;
    const id = getNumber(metadata, key(`${name}_token_id`));
    if (Number.isInteger(id) && id >= 0 && id < size) special[name] = id;
    else if (!noId.includes(id)) {
      const instead = special[name] === undefined ? 'the model is used without such a token' : `token ${special[name]} is used, which is usual`;
      notices.push(`The file's ${key(`${name}_token_id`)} is ${id}, but its vocabulary has ${size} tokens (0 to ${size - 1}): ${instead}.`);
    }
  }
  const addBos = defaults.alwaysBos || getBoolean(metadata, key('add_bos_token'), defaults.addBos ?? false);
  const addEos = getBoolean(metadata, key('add_eos_token'), false);
  for (const [flag, name] of [[addBos, 'bos'], [addEos, 'eos']] as const) {
    if (flag && special[name] === undefined)
      throw new InvalidFileError(`The file asks for ${name} to be added to texts, but ${key(`${name}_token_id`)} does not say which token that is.`);
  }
  const byFile = kinds.slice();
  const endOfTurn = collectEndOfTurn(ids, kinds, special);
  const guarded = kinds.map((kind, id) => (isControl(kind) || isControl(byFile[id]) ? 1 : 0));
  return {
    spellings, kinds, guarded, scores, ids, endOfTurn, addBos, addEos,
    bos: special.bos, eos: special.eos, unknown: special.unknown,
    addSpacePrefix: getBoolean(metadata, key('add_space_prefix'), defaults.addSpacePrefix ?? false),
    trimmedAfter: trimmedAfter(metadata, ids, kinds), notices,
  };
}

/** A GGUF does not say which special tokens swallow white space; llama.cpp knows that Phi-3's do, by the model's name. */
function trimmedAfter(metadata: Metadata, ids: ReadonlyMap<string, number>, kinds: Uint8Array): ReadonlySet<number> {
  const trimmed = new Set<number>();
  if (!/phi-?3/i.test(getString(metadata, 'general.name', ''))) return trimmed;
  kinds.forEach((kind, id) => isSpecial(kind) && trimmed.add(id));
  const end = ids.get('</s>');
  if (end !== undefined) trimmed.add(end);
  for (const text of ['<unk>', '<s>', '<|endoftext|>']) trimmed.delete(ids.get(text) ?? -1);
  return trimmed;
}

/** Whether tokens of this kind are cut out of a text as a whole, before it is tokenised. */
export const isSpecial = (kind: number): boolean => kind === TokenKind.Control || kind === TokenKind.UserDefined || kind === TokenKind.Unknown;

/** Whether tokens of this kind are no text: cut out only on request, and empty in an answer. */
export const isControl = (kind: number): boolean => kind === TokenKind.Control || kind === TokenKind.Unknown;

/** The byte that a spelling like <0x0A> stands for. */
export function byteValue(spelling: string): number | undefined {
  const match = /^<0x([0-9a-f]{2})>$/i.exec(spelling);
  return match ? parseInt(match[1], 16) : undefined;
}
