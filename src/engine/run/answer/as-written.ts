// A prompt in the tokens that a conversation was run in. A model may write a text in other tokens than its tokenizer cuts it into: read anew from
// its text, an answer would be run once more, and the model would see other tokens than it wrote. A chunk of its own: most answers are written
// as they are cut.
import { type Tokenizer } from '../../../text/tokenizer/tokenizer.ts';
import { sharedPrefix } from '../sequences.ts';

/**
 * The prompt `ids`, token for token as `run` where both say the same: what lies between two control tokens and has the same bytes, and all of
 * `run` where the prompt goes on from its end. The text is the prompt's in any case, and so are the control tokens.
 */
export function asWritten(ids: readonly number[], run: readonly number[], tokenizer: Tokenizer): number[] {
  const marks = new Set(tokenizer.controlSpellings.map((spelling) => tokenizer.find(spelling)));
  const same = sharedPrefix(ids, run);
  let [inRun, inIds] = [same, same];
  /** Behind the last control token that both have: what comes before it is taken from `run`. */
  let [keptOfRun, restOfIds] = [same, same];
  let [ofRun, ofIds]: Uint8Array[] = [nothing, nothing]; // what is left of a token of each
  for (;;) {
    if (!ofRun.length && inRun === run.length) {
      // Within a character there is no text to go on with: the token that begins it is cut anew with what comes.
      return isWithinCharacter(ofIds) ? asWritten(ids, run.slice(0, -1), tokenizer) : [...run, ...rest(ids, inIds, ofIds, { marks, tokenizer })];
    }
    if (inIds === ids.length && !ofIds.length) {
      if (ofRun.length) break;
      return run.slice(0, inRun); // its end is where an answer began before
    }
    if (!ofRun.length && !ofIds.length && (marks.has(run[inRun]) || marks.has(ids[inIds]))) {
      if (run[inRun++] !== ids[inIds++]) break;
      [keptOfRun, restOfIds] = [inRun, inIds];
      continue;
    }
    if (!ofRun.length) {
      if (marks.has(run[inRun])) break;
      ofRun = tokenizer.piece(run[inRun++]);
    }
    if (!ofIds.length) {
      if (marks.has(ids[inIds])) break;
      ofIds = tokenizer.piece(ids[inIds++]);
    }
    const length = Math.min(ofRun.length, ofIds.length);
    if (!isSame(ofRun, ofIds, length)) break;
    [ofRun, ofIds] = [ofRun.subarray(length), ofIds.subarray(length)];
  }
  return [...run.slice(0, keptOfRun), ...ids.slice(restOfIds)];
}

const nothing = new Uint8Array();

const isSame = (a: Uint8Array, b: Uint8Array, length: number): boolean => a.subarray(0, length).every((byte, i) => byte === b[i]);

/** Whether bytes of UTF-8 begin in the middle of a character. */
const isWithinCharacter = ([first]: Uint8Array): boolean => first !== undefined && (first & 0xc0) === 0x80;

/** What follows in a prompt: `begun`, the end of a token, and the tokens from `from` on; up to the next control token they are cut anew. */
function rest(
  ids: readonly number[],
  from: number,
  begun: Uint8Array,
  { marks, tokenizer }: { marks: ReadonlySet<number | undefined>; tokenizer: Tokenizer },
): number[] {
  if (!begun.length) return ids.slice(from);
  const mark = ids.findIndex((id, i) => i >= from && marks.has(id));
  const end = mark < 0 ? ids.length : mark;
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const text = decoder.decode(begun, { stream: true }) + ids.slice(from, end).map((id) => decoder.decode(tokenizer.piece(id), { stream: true })).join('');
  return [...tokenizer.encode(text, { continues: true, parseSpecial: () => false }), ...ids.slice(end)];
}
