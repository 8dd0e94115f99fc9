// Takes an answer apart while it comes: what the model thought before it, its text, its calls. Holds back what might still
// become a mark.
import { type ThoughtMarks, thoughtFamilies } from '../../thoughts.ts';
import { heldBack } from './harmony.ts';
import { type AnswerReader, type CallEvent, type CallReader } from './style.ts';

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
  /** Calls may also come within reasoning, which then ends with them. */
  readonly withinThought?: boolean;
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

/**
 * What of an answer is text, with the mark that ends it, which only its last one does: one in its midst is a part of it. Undefined where
 * there is none. `isOver`: nothing but calls follows; else what is held begins with a mark that may be the last one.
 */
function endedBy(held: string, end: string, opens: readonly string[]): { text: string; rest: string; isOver: boolean; more: boolean } | undefined {
  const at = held.indexOf(end);
  const first = Math.min(...opens.map((mark) => held.indexOf(mark)).filter((found) => found >= 0), Infinity);
  if (at < 0 || first < at) return undefined;
  const text = held.slice(0, at).replace(/\s*$/, '');
  const behind = held.slice(at + end.length).trimStart();
  if (opens.some((mark) => behind.startsWith(mark))) return { text, rest: behind, isOver: true, more: true };
  if (!behind || opens.some((mark) => mark.startsWith(behind))) return { text, rest: held.slice(text.length), isOver: false, more: false };
  return { text: held.slice(0, at + end.length), rest: held.slice(at + end.length), isOver: false, more: true };
}

/** What comes behind the mark with which an answer begins, or all where it begins otherwise; undefined where more is needed to tell. */
function behindMark(answer: string, mark: string): string | undefined {
  if (answer.length < mark.length && mark.startsWith(answer)) return undefined;
  return answer.startsWith(mark) ? answer.slice(mark.length).trimStart() : answer;
}

interface Reading {
  state: State;
  held: string;
  /** Something was thought. */
  isThought: boolean;
  /** Within the marks of an answer. */
  isWithin: boolean;
  said: { text: string; reasoning: string; calls: CallEvent[] };
}

/** Hands over what is certain, up to a mark if there is one, which is given. */
function upTo(reading: Reading, marks: readonly string[], kind: 'text' | 'reasoning'): string | undefined {
  const { certain, rest, mark } = cutAt(reading.held, marks);
  reading.said[kind] += certain;
  reading.held = rest;
  return mark;
}

/** `end`: what stands behind the answer; undefined for nothing. Each of these is false where more text is needed. */
function readText(reading: Reading, opens: readonly string[], end: string | undefined): boolean {
  const ended = end === undefined ? undefined : endedBy(reading.held, end, opens);
  if (ended) {
    reading.said.text += ended.text;
    reading.held = ended.rest;
    reading.isWithin &&= !ended.isOver;
    return ended.more;
  }
  const found = upTo(reading, [...opens, ...(end === undefined ? [] : [end])], 'text');
  if (found !== undefined) reading.state = 'calls';
  return found !== undefined;
}

function readThought(reading: Reading, { end, answer }: ThoughtMarks, opens: readonly string[]): boolean {
  const mark = upTo(reading, [...end, ...opens], 'reasoning');
  if (mark === undefined) return false;
  reading.state = end.includes(mark) ? 'start' : 'calls';
  reading.isThought = true;
  reading.isWithin = answer?.[0] === '';
  return true;
}

function readBegin(reading: Reading, { begin }: ThoughtMarks): boolean {
  const rest = reading.held.trimStart();
  if (begin.some((mark) => rest.length < mark.length && mark.startsWith(rest))) return false;
  const mark = begin.find((each) => rest.startsWith(each));
  reading.state = mark === undefined ? 'start' : 'thinking';
  if (mark !== undefined) reading.held = rest.slice(mark.length);
  return true;
}

export function createAnswerReader(
  { thinking, opens, calls, withinThought = false, isFormed = false, thought = thoughtFamilies[0] }: ReaderOptions,
): AnswerReader {
  const state = thinking === 'open' ? 'thinking' : thinking === 'may' ? 'begin' : 'start';
  const reading: Reading = { state, held: '', isThought: false, isWithin: false, said: { text: '', reasoning: '', calls: [] } };
  let isFresh = true; // of what is thought nothing was there yet

  function readStart(): boolean {
    const rest = reading.held.trimStart();
    if (!rest) return false;
    // Tags of words, as Granite's, are an answer's own unless it was thought about; control tokens are not.
    const [mark = ''] = thought.answer ?? [];
    const mayBegin = mark !== '' && !isFormed && !reading.isWithin && (reading.isThought || mark.startsWith('<|'));
    const behind = mayBegin ? behindMark(rest, mark) : rest;
    if (behind === undefined) return false;
    if (behind !== rest) {
      reading.isWithin = true;
      reading.held = behind;
      return true;
    }
    // What looks like a call within a form is a part of it; an answer without marks of calls is a call from its first character on.
    const marks = isFormed ? opens : calls && !opens.length ? wholeCalls : [];
    if (marks.some((each) => each.startsWith(rest) && rest.length < each.length)) return false;
    const open = marks.find((each) => rest.startsWith(each));
    reading.state = open === undefined ? 'text' : 'calls';
    if (isFormed) reading.held = rest.slice(open?.length ?? 0);
    else if (thinking !== 'none' || reading.isWithin) reading.held = rest;
    return true;
  }

  /** One step; false where more text is needed. */
  function advance(): boolean {
    switch (reading.state) {
      case 'begin':
        return readBegin(reading, thought);
      case 'thinking':
        if (isFresh) reading.held = reading.held.trimStart();
        isFresh &&= !reading.held;
        return readThought(reading, thought, withinThought ? opens : []);
      case 'start':
        return readStart();
      case 'text':
        return readText(reading, calls && !isFormed ? opens : [], reading.isWithin ? thought.answer?.[1] : undefined);
      case 'calls':
        reading.said.calls.push(...(calls?.push(reading.held) ?? []));
        reading.held = '';
        return false;
    }
  }

  return {
    push(more) {
      reading.held += more;
      reading.said = { text: '', reasoning: '', calls: [] };
      while (advance());
      return reading.said;
    },
    flush() {
      const { state, held, isWithin } = reading;
      reading.held = '';
      const isText = state !== 'thinking' && state !== 'calls' && !(isWithin && held.trim() === thought.answer?.[1]);
      return { text: isText ? held : '', reasoning: state === 'thinking' ? held : '', calls: [] };
    },
  };
}
