// The text of a drafter that has the same weights and a shorter memory (RAPID, arXiv 2502.20330): the beginning of the text, the parts of it that
// its question and its last words point to, and its end. In the paper passages are found by vectors of another model; here by BM25 (Robertson and
// Zaragoza 2009) over tokens. What the paper calls knowledge transfer changes what the model says, and is left out.

/** Tokens of the beginning that stay: attention rests on them (Xiao et al., arXiv 2309.17453). */
const sinks = 16;
/** Tokens of a part of the text that is taken or left as one. */
export const partTokens = 32;
/** Last tokens that parts are looked for by. */
const lastWords = 32;
/** Share of the room for the last tokens of the text, and for those to come until it is shortened anew. */
const recentShare = 0.25;
const roomShare = 0.25;
/** BM25: from where on a word that comes again counts little more. All parts are as long. */
const saturation = 1.2;

/** Score of each part of `text`, by the tokens and the pairs of tokens that it has in common with `words`. */
function scores(text: readonly number[], words: readonly number[]): number[] {
  const pairOf = (before: number, last: number): number => -1 - (before * 2 ** 20 + last); // below all tokens
  const termsOf = (tokens: readonly number[]) => tokens.flatMap((id, i) => (i ? [id, pairOf(tokens[i - 1], id)] : [id]));
  const asked = new Set(termsOf(words));
  const parts: Map<number, number>[] = [];
  for (let at = 0; at < text.length; at += partTokens) {
    const counts = new Map<number, number>();
    for (const term of termsOf(text.slice(at, at + partTokens))) if (asked.has(term)) counts.set(term, (counts.get(term) ?? 0) + 1);
    parts.push(counts);
  }
  const having = new Map<number, number>();
  for (const counts of parts) for (const term of counts.keys()) having.set(term, (having.get(term) ?? 0) + 1);
  const rarity = (term: number) => Math.log(1 + (parts.length - having.get(term)! + 0.5) / (having.get(term)! + 0.5));
  return parts.map((counts) => [...counts].reduce((sum, [term, count]) => sum + (rarity(term) * count * (saturation + 1)) / (count + saturation), 0));
}

/** Of more than `room` tokens so many that there is still room for some to come; `question`: what parts are looked for by, beside the last tokens. */
export function shortened(tokens: readonly number[], room: number, question: readonly number[]): number[] {
  const recent = Math.floor(recentShare * room);
  const end = tokens.length - recent;
  const between = tokens.slice(sinks, end);
  const most = Math.floor((room - Math.ceil(roomShare * room) - sinks - recent) / partTokens);
  const scored = scores(between, [...question, ...tokens.slice(-lastWords)]).map((score, part) => ({ score, part }));
  const taken = scored.sort((a, b) => b.score - a.score || b.part - a.part).slice(0, most).map(({ part }) => part).sort((a, b) => a - b);
  return [...tokens.slice(0, sinks), ...taken.flatMap((part) => between.slice(part * partTokens, (part + 1) * partTokens)), ...tokens.slice(end)];
}

/** Last tokens of a prompt that are its question. */
const questionTokens = 64;

/**
 * What stands for a text that grows: shortened once, with what has come since, until `room` is full. Undefined where all of a text has room: there
 * is nothing to shorten.
 */
export function createShortened(room: number): (tokens: readonly number[], most: number) => readonly number[] | undefined {
  let of: readonly number[] | undefined;
  let question: readonly number[] = [];
  let short: number[] = [];
  let taken = 0; // tokens that `short` stands for
  return (tokens, most) => {
    if (tokens.length <= room) return undefined;
    if (of !== tokens) [of, question, short] = [tokens, tokens.slice(-questionTokens), []];
    if (!short.length || short.length + tokens.length - taken + most > room) {
      short = shortened(tokens, room, question);
      taken = tokens.length;
    }
    if (tokens.length > taken) short.push(...tokens.slice(taken));
    taken = tokens.length;
    return short;
  };
}
