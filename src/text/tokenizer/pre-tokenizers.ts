// How byte-pair vocabularies cut a text into words before merging: one entry for each value of tokenizer.ggml.pre, as
// data. Cutting goes in steps: each pattern cuts what the one before left over, its matches and the text between them.
// Patterns and flags follow llama.cpp (src/llama-vocab.cpp, src/unicode.cpp), where it departs from the tokenizer that a
// model was trained with too.
import { unassigned } from './unassigned.ts';

export interface PreTokenizer {
  readonly patterns: readonly RegExp[];
  /** A word that is in the vocabulary is that token, whatever the merges say. */
  readonly wholeWords?: true;
  /** As `wholeWords`, for runs of newlines only. */
  readonly wholeNewlines?: true;
  /** Merges characters, spaces written as U+2581, instead of bytes. */
  readonly characters?: true;
  /** BOS is added unless the file says otherwise. */
  readonly addBos?: true;
  /** The vocabulary has no BOS unless the file says otherwise. */
  readonly noBos?: true;
}

/** White space as llama.cpp sees it; JavaScript's \s has U+FEFF and lacks U+0085. */
const s = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const contractions = `'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]`;
/** White space: up to its last newline; else all but the last character, which goes with the next word. */
const spaces = `[${s}]*[\\r\\n]+|[${s}]+(?![^${s}])|[${s}]+`;
const pattern = (source: string): RegExp => new RegExp(source, 'gu');

const gpt2 = pattern(`'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${s}\\p{L}\\p{N}]+|[${s}]+(?![^${s}])|[${s}]+`);
const llama3 = (digits: string): RegExp => pattern(`${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^${s}\\p{L}\\p{N}]+[\\r\\n]*|${spaces}`);
const qwen35 = pattern(`${contractions}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^${s}\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${spaces}`);
/** Words like "McDonald": upper case, then lower case. Only ASCII letters have a case here. */
const cased = (after: string, digits: string): RegExp => {
  const upper = '(?:(?![a-z])\\p{L})';
  const lower = '(?:(?![A-Z])\\p{L})';
  const before = '[^\\r\\n\\p{L}\\p{N}]?';
  return pattern(`${before}${upper}*${lower}+${after}|${before}${upper}+${lower}*${after}|${digits}| ?[^${s}\\p{L}\\p{N}]+[\\r\\n/]*|${spaces}`);
};
/** What lies between matches is a word anyway; patterns that name it are cut several times faster. */
const digit = pattern('\\p{N}|\\P{N}+');
const digits = pattern('\\p{N}+|\\P{N}+');
const threeDigits = pattern('[0-9][0-9][0-9]');
const newline = pattern('[\\r\\n]|[^\\r\\n]+');
/** The ranges have white space in them, which does not count. */
const cjk = pattern(`(?:(?![${s}])[\\u4e00-\\u9fa5\\u0800-\\u4e00\\uac00-\\ud7ff])+`);
/** Cased letters, near enough. */
const deepseekLetters =
  'A-Za-z\\xb5\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\u01ba\\u01bc-\\u01bf\\u01c4-\\u0293\\u0295-\\u02af\\u0370-\\u0373\\u0376\\u0377\\u037b-\\u037d\\u037f\\u0386' +
  '\\u0388-\\u038a\\u038c\\u038e-\\u03a1\\u03a3-\\u03f5\\u03f7-\\u0481\\u048a-\\u052f\\u0531-\\u0556\\u10a0-\\u10c5\\u13a0-\\u13f5\\u13f8-\\u13fd' +
  '\\u1c90-\\u1cba\\u1cbd-\\u1cbf\\u1d00-\\u1d2b\\u1d6b-\\u1d77\\u1d79-\\u1d9a\\u1e00-\\u1f15\\u1f18-\\u1f1d\\u1f20-\\u1f45\\u1f48-\\u1f4d\\u1f50-\\u1f57' +
  '\\u1f59\\u1f5b\\u1f5d\\u1f5f-\\u1f7d\\u1f80-\\u1fb4\\u1fb6-\\u1fbc\\u1fbe\\u1fc2-\\u1fc4\\u1fc6-\\u1fcc\\u1fd0-\\u1fd3\\u1fd6-\\u1fdb\\u1fe0-\\u1fec' +
  '\\u1ff2-\\u1ff4\\u1ff6-\\u1ffc\\u2102\\u2107\\u210a-\\u2113\\u2115\\u2119-\\u211d\\u2124\\u2126\\u2128\\u212a-\\u212d\\u212f-\\u2134\\u2139' +
  '\\u213c-\\u213f\\u2145-\\u2149\\u214e\\u2183\\u2184\\u2c00-\\u2c7b\\u2c7e-\\u2ce4\\u2ceb-\\u2cee\\u2cf2\\u2cf3\\ua640-\\ua66d\\ua680-\\ua69b' +
  '\\ua722-\\ua76f\\ua771-\\ua787\\ua78b-\\ua78e\\uab70-\\uabbf\\ufb00-\\ufb06\\ufb13-\\ufb17\\uff21-\\uff3a\\uff41-\\uff5a\\u{10400}-\\u{1044f}' +
  '\\u{104b0}-\\u{104d3}\\u{104d8}-\\u{104fb}\\u{10c80}-\\u{10cb2}\\u{10cc0}-\\u{10cf2}\\u{118a0}-\\u{118df}\\u{1e900}-\\u{1e943}';

const gpt2Words: PreTokenizer = { patterns: [gpt2] };
const starcoder: PreTokenizer = { patterns: [digit, gpt2] };
const llamaBpe: PreTokenizer = { patterns: [llama3('\\p{N}{1,3}')], wholeWords: true, addBos: true };
const qwen2: PreTokenizer = { patterns: [llama3('\\p{N}')] };
const threes: PreTokenizer = { patterns: [llama3('\\p{N}{1,3}')] };
const gpt4o: PreTokenizer = { patterns: [cased(`(?:${contractions})?`, '\\p{N}{1,3}')] };
const deepseekV3: PreTokenizer = {
  patterns: [
    pattern('\\p{N}{1,3}'),
    pattern('[\\u4e00-\\u9fa5\\u3040-\\u309f\\u30a0-\\u30ff]+'),
    pattern(`[!"#$%&'()*+,\\-./:;<=>?@[\\\\\\]^_\`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|${spaces}`),
  ],
};

/** Blocks of Han characters, in which the digit U+3007 and radicals are not. */
const han = '\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2ebef}\\u{2f800}-\\u{2fa1f}';
const kimiK2: PreTokenizer = {
  patterns: [pattern(
    `[${han}]+|[^\\r\\n\\p{L}\\p{N}]?(?:(?![${han}])\\p{L})+(?:${contractions})?|\\p{N}{1,3}| ?[^${s}\\p{L}\\p{N}]+[\\r\\n]*|${spaces}`,
  )],
};
/** Korean, full-width punctuation, Bopomofo, Chinese and Japanese each for themselves; cases count for nothing. */
const youtu: PreTokenizer = {
  patterns: [
    pattern(
      '[\\uac00-\\ud7a3\\u3131-\\u318e]+|[！…“”‘’—：；，\\u3001-\\u303f\\ufe30-\\ufe4f]+'
      + '|[\\u3105-\\u312f]+|[\\u4e00-\\u9fa5\\u3040-\\u309f\\u30a0-\\u30ff]+',
    ),
    pattern(`[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+(?:${contractions})?|\\p{N}| ?[^${s}\\p{L}\\p{N}]+[\\r\\n/]*|${spaces}`),
  ],
};
const seedCoder: PreTokenizer = {
  patterns: [pattern(`${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^${s}\\p{L}\\p{N}\\r\\n]+|${spaces}`)],
};

/** Gemma 4's: lines and runs of newlines; set by the tokenizer's model, not by tokenizer.ggml.pre alone. */
export const gemma4: PreTokenizer = { patterns: [pattern('[^\\n]+|\\n+')], wholeNewlines: true, characters: true };

/** By the value of tokenizer.ggml.pre. */
export const preTokenizers: ReadonlyMap<string, PreTokenizer> = new Map<string, PreTokenizer>([
  ['default', { patterns: [pattern('[\\p{P}$+<=>^~|]+|[^\\p{P}$+<=>^~|]+'), gpt2, digits, threeDigits] }],
  ...named(gpt2Words, 'gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 gigachat mellum a.x-4.0'),
  ...named(starcoder, 'starcoder refact command-r smollm codeshell exaone minerva-7b mellum2'),
  ...named(llamaBpe, 'llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2'),
  ...named(threes, 'dbrx smaug-bpe'),
  ...named({ ...threes, noBos: true }, 'glm4 chatglm-bpe'),
  ...named(qwen2, 'qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2 bailingmoe bailingmoe2 llada-moe'),
  ['qwen35', { patterns: [qwen35] }],
  ...named(gpt4o, 'gpt-4o llama4 kanana2 talkie minimax-m2'),
  ['tekken', { patterns: [cased('', '\\p{N}')], wholeWords: true, addBos: true }],
  ...named(deepseekV3, 'deepseek-v3 hunyuan-dense joyai-llm hy_v4'),
  ['kimi-k2', kimiK2],
  ['youtu', youtu],
  ['seed-coder', seedCoder],
  ['deepseek-llm', { patterns: [
    newline,
    pattern(`[${s}]?[${deepseekLetters}]+`),
    pattern(`[${s}]?[!-/:-~！-／：-～‘-‟、。]+`),
    pattern(`(?<![${s}])[${s}]+$`),
    cjk,
    digits,
  ] }],
  ['deepseek-coder', { patterns: [newline, pattern(`[${s}]?\\p{L}+`), pattern(`[${s}]?\\p{P}+`), cjk, digit] }],
  ['falcon', { patterns: [pattern('[\\p{P}$+<=>^~|`]+|[^\\p{P}$+<=>^~|`]+'), gpt2, threeDigits] }],
  ['gemma4', gemma4],
]);

function named(pre: PreTokenizer, names: string): [string, PreTokenizer][] {
  return names.split(' ').map((name) => [name, pre]);
}

/** The words of a text, in order; together they are the text. */
export function splitWords(pre: PreTokenizer, text: string): string[] {
  const allKnown = text.search(unassigned) < 0;
  let words = [text];
  for (const pattern of pre.patterns) {
    const pieces: string[] = [];
    const hide = !allKnown && pattern.source.includes('\\p');
    for (const word of words) {
      if (word.length === 1) pieces.push(word);
      else cut(word, hide ? hideUnassigned(word) : word, pattern, pieces);
    }
    words = pieces;
  }
  return words;
}

/** Two noncharacters stand in for what must count as unassigned: same length, and of no category for ever. */
const hideUnassigned = (text: string): string =>
  text.replace(unassigned, (run) => run.replace(/./gsu, (character) => (character.length === 1 ? '\uffff' : '\u{10ffff}')));

/** Cuts `text` where `shape`, which has its length, matches. */
function cut(text: string, shape: string, pattern: RegExp, pieces: string[]): void {
  const matches: readonly string[] = shape.match(pattern) ?? [];
  let matched = 0;
  for (const match of matches) matched += match.length;
  if (matched === text.length) {
    let start = 0;
    for (const { length } of matches) pieces.push(text.slice(start, (start += length)));
    return;
  }
  let start = 0;
  for (const match of shape.matchAll(pattern)) {
    const { index } = match;
    const end = index + match[0].length;
    if (index > start) pieces.push(text.slice(start, index));
    pieces.push(text.slice(index, end));
    start = end;
  }
  if (start < text.length) pieces.push(text.slice(start));
}
