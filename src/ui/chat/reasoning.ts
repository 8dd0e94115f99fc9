// What a model thinks aloud before it answers, told from the answer by the marks of its family. Knows no elements.
import { answerMarks, isWords, openedBy, thoughtFamilies } from '../../thoughts.ts';

/** Marks around an answer behind reasoning, which are no part of it: those of templates, and OpenThinker's and harmony's. */
const before = [...answerMarks.map(([begin]) => begin), '<|begin_of_solution|>', '<|channel|>final<|message|>'];
const ofFamilies = thoughtFamilies.flatMap(({ answer }) => answer?.[1] ?? []);
const behind = [...answerMarks.map(([, end]) => end), ...ofFamilies, '<|end_of_solution|>', '<|return|>', '<|end|>'];
/** What stands between the reasoning of harmony and its end mark. */
const betweenChannels = /(?:<\|end\|>)?(?:<\|start\|>assistant)?$/;

export interface Parts {
  /** Undefined where nothing marks any. */
  reasoning?: string;
  content: string;
}

/** `text` as a model wrote it, in its parts. While it is `written`, a mark may have come in part, and its end not yet. */
export function partsOf(text: string, written = false): Parts {
  const start = text.trimStart();
  for (const { begin, end, tags } of thoughtFamilies) {
    const mark = begin.find((each) => start.startsWith(each));
    if (mark !== undefined) {
      const found = firstOf(start, end, mark.length);
      // Words begin an answer as well, if nothing ends them: one of them always, a line of them once all is there.
      if (!found && isWords(mark) && (!written || !/\W/.test(mark))) continue;
      return found ? partsAt(start, mark.length, found) : { reasoning: tidy(start.slice(mark.length)), content: '' };
    }
    if (written && start !== '' && begin.some((each) => /\W/.test(each) && each.startsWith(start))) return { content: '' };
    const lone = tags ? begunByTemplate(text, begin[0], end[0]) : undefined;
    if (lone) return partsAt(text, 0, lone);
  }
  return { content: text };
}

/** The mark with which a prompt that ends so has begun the reasoning, to be put before what the model writes; '' for none. */
export function begunBy(promptEnd: string): string {
  const mark = openedBy(promptEnd)?.begin.find((each) => promptEnd.trimEnd().endsWith(each));
  return mark === undefined ? '' : `${mark}\n`;
}

function firstOf(text: string, marks: readonly string[], from: number): { at: number; mark: string } | undefined {
  const found = marks.map((mark) => ({ at: text.indexOf(mark, from), mark })).filter(({ at }) => at >= 0);
  return found.sort((a, b) => a.at - b.at)[0];
}

/** An end without its begin, where a line ends with it: in the midst of one, somebody writes about it. */
function begunByTemplate(text: string, begin: string, end: string): { at: number; mark: string } | undefined {
  const at = text.indexOf(end);
  const after = at < 0 ? '' : text.slice(at + end.length);
  const first = text.indexOf(begin);
  return at >= 0 && (first < 0 || first > at) && /^[ \t]*(?:\n|$)/.test(after) ? { at, mark: end } : undefined;
}

const partsAt = (text: string, from: number, { at, mark }: { at: number; mark: string }): Parts => ({
  reasoning: tidy(text.slice(from, at)),
  content: withoutMarks(text.slice(at + mark.length).trimStart()).trimStart(),
});

function withoutMarks(answer: string): string {
  const begin = before.find((mark) => answer.startsWith(mark)) ?? '';
  const rest = answer.slice(begin.length);
  const end = behind.find((mark) => rest.trimEnd().endsWith(mark));
  return end === undefined ? rest : rest.trimEnd().slice(0, -end.length).trimEnd();
}

const tidy = (reasoning: string): string => reasoning.replace(betweenChannels, '').trim();
