// Control tokens have no text of their own, but for those that tell what is thought from what is answered.
import { type Tokenizer } from '../../../text/tokenizer/tokenizer.ts';
import { hasThought, thoughtOf, tokensOf } from '../../../thoughts.ts';

/** A tokenizer that spells some of its control tokens. */
export function showing(tokenizer: Tokenizer, marks: readonly string[]): Tokenizer {
  const ids = new Set(marks.flatMap((mark) => tokenizer.find(mark) ?? []));
  return { ...tokenizer, piece: (id, options) => tokenizer.piece(id, ids.has(id) ? { special: true } : options) };
}

/** For answers that are given as they are: the marks of a template's family of reasoning are in them, also where these are control tokens. */
export function showingThoughts(tokenizer: Tokenizer, templateSource: string): Tokenizer {
  const thought = thoughtOf(templateSource);
  const marks = hasThought(templateSource, thought) ? tokensOf(thought) : [];
  return marks.some((mark) => tokenizer.isControl(tokenizer.find(mark) ?? -1)) ? showing(tokenizer, marks) : tokenizer;
}
