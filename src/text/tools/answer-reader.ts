// Takes an answer apart while it comes: what the model thought before it, its text, its calls. Holds back what might still
// become a mark.
import { type ThoughtMarks, thoughtFamilies } from '../../thoughts.ts';
import { heldBack } from './harmony.ts';
import { type AnswerReader, type CallEvent, type CallReader, type Said } from './style.ts';

/** Whether an answer begins with reasoning: never, perhaps with its mark, or already within, as the prompt has ended with the mark. */
export type Thinking = 'none' | 'may' | 'open';

export interface ReaderOptions {
  readonly thinking: Thinking;
  /** What calls begin with; none: an answer that begins as one of these is a call. */
  readonly opens: readonly string[];
  /** Undefined where there are no calls. */
  readonly calls?: CallReader;
  /** An answer is calls from its first character on, or has none: what looks like a call within a form is a part of it. */
  readonly isFormed?: boolean;
  /** What stands around reasoning. Default: the tags of most models. */
  readonly thought?: ThoughtMarks;
}

const wholeCalls = ['{', '<|python_tag|>'];

type State = 'begin' | 'thinking' | 'start' | 'text' | 'calls';

/** What of a text is certain, up to the first mark in it, if there is one; else what may still become a mark is left, with white space before it. */
function cutAt(text: string, marks: readonly string[]): { certain: string; rest: string; mark?: string } {
  const spaces = /\s*$/;
  const found = marks.map((mark) => ({ mark, at: text.indexOf(mark) })).filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at)[0];
  if (found) return { certain: text.slice(0, found.at).replace(spaces, ''), rest: text.slice(found.at + found.mark.length), mark: found.mark };
  const back = Math.max(0, ...marks.map((mark) => heldBack(text, mark)));
  const certain = marks.length ? text.slice(0, text.length - back).replace(spaces, '') : text;
  return { certain, rest: text.slice(certain.length) };
}

/** What comes behind the mark with which an answer begins, or all where it begins otherwise; undefined where more is needed to tell. */
function behindMark(answer: string, mark: string | undefined): string | undefined {
  if (mark === undefined) return answer;
  if (answer.length < mark.length && mark.startsWith(answer)) return undefined;
  return answer.startsWith(mark) ? answer.slice(mark.length).trimStart() : answer;
}

export function createAnswerReader({ thinking, opens, calls, isFormed = false, thought = thoughtFamilies[0] }: ReaderOptions): AnswerReader {
  let state: State = thinking === 'open' ? 'thinking' : thinking === 'may' ? 'begin' : 'start';
  let held = '';
  let isFresh = true; // of what is thought nothing was there yet
  let isWithin = false; // the marks of an answer
  let said: { text: string; reasoning: string; calls: CallEvent[] };

  /** Hands over what is certain, up to a mark if there is one, which is given. */
  function upTo(marks: readonly string[], kind: 'text' | 'reasoning'): string | undefined {
    const { certain, rest, mark } = cutAt(held, marks);
    [said[kind], held] = [said[kind] + certain, rest];
    return mark;
  }

  /** One step; false where more text is needed. */
  function advance(): boolean {
    switch (state) {
      case 'begin': {
        const rest = held.trimStart();
        if (thought.begin.some((mark) => rest.length < mark.length && mark.startsWith(rest))) return false;
        const mark = thought.begin.find((each) => rest.startsWith(each));
        state = mark === undefined ? 'start' : 'thinking';
        if (mark !== undefined) held = rest.slice(mark.length);
        return true;
      }
      case 'thinking':
        if (isFresh) held = held.trimStart();
        isFresh &&= !held;
        if (upTo(thought.end, 'reasoning') === undefined) return false;
        state = 'start';
        return true;
      case 'start': {
        const rest = held.trimStart();
        const isAfterThought = thinking !== 'none';
        if (!rest) return false;
        const behind = isFormed || isWithin ? rest : behindMark(rest, thought.answer?.[0]);
        if (behind === undefined) return false;
        if (behind !== rest) {
          isWithin = true;
          held = behind;
          return true;
        }
        // What looks like a call within a form is a part of it; an answer without marks of calls is a call from its first character on.
        const marks = isFormed ? opens : calls && !opens.length ? wholeCalls : [];
        if (marks.some((mark) => mark.startsWith(rest) && rest.length < mark.length)) return false;
        const open = marks.find((mark) => rest.startsWith(mark));
        state = open === undefined ? 'text' : 'calls';
        if (isFormed) held = rest.slice(open?.length ?? 0);
        else if (isAfterThought || isWithin) held = rest;
        return true;
      }
      case 'text': {
        const end = isWithin ? thought.answer?.[1] : undefined;
        const found = upTo([...(calls && !isFormed ? opens : []), ...(end === undefined ? [] : [end])], 'text');
        if (found === undefined) return false;
        if (found === end) isWithin = false;
        else state = 'calls';
        return true;
      }
      case 'calls':
        said.calls.push(...(calls?.push(held) ?? []));
        held = '';
        return false;
    }
  }

  return {
    push(more) {
      held += more;
      said = { text: '', reasoning: '', calls: [] };
      while (advance());
      return said;
    },
    flush() {
      const rest: Said = { text: state === 'thinking' || state === 'calls' ? '' : held, reasoning: state === 'thinking' ? held : '', calls: [] };
      held = '';
      return rest;
    },
  };
}
