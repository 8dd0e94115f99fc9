// What a model thinks aloud before it answers, told from the answer by the marks of its family. Knows no elements.

interface Marks {
  /** Where a text begins with it, reasoning begins. */
  begin: string[];
  /** Ends it; what follows is the answer. */
  end: string[];
  /** The marks are XML or alike and mean nothing else: an end without its begin ends what the template began. */
  tags?: boolean;
}

/** From the templates and model cards of each. */
const families: Marks[] = [
  { begin: ['<think>'], end: ['</think>'], tags: true }, // DeepSeek R1, Qwen 3, SmolLM3, GLM 4.5 and most others
  { begin: ['<thinking>'], end: ['</thinking>'], tags: true },
  { begin: ['<thought>'], end: ['</thought>'], tags: true },
  { begin: ['<reasoning>'], end: ['</reasoning>'], tags: true },
  { begin: ['<seed:think>'], end: ['</seed:think>'], tags: true }, // Seed-OSS
  { begin: ['[THINK]'], end: ['[/THINK]'], tags: true }, // Magistral
  { begin: ['◁think▷'], end: ['◁/think▷'], tags: true }, // Kimi
  { begin: ['<|begin_of_thought|>'], end: ['<|end_of_thought|>'], tags: true }, // OpenThinker
  { begin: ['Here is my thought process:', "Here's my thought process:"], end: ['Here is my response:', "Here's my response:"] }, // Granite 3.2
  { begin: ['<|channel|>analysis<|message|>'], end: ['<|channel|>final<|message|>'] }, // gpt-oss (harmony)
  { begin: ['analysis'], end: ['assistantfinal'] }, // ... where control tokens have no text
];
/** Marks around an answer, which are no part of it. */
const around = /^(?:<\|(?:begin_of_solution|channel\|>final<\|message)\|>|<response>)|(?:<\|(?:end_of_solution|return|end)\|>|<\/response>)\s*$/g;
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
  for (const { begin, end, tags } of families) {
    const mark = begin.find((each) => start.startsWith(each));
    if (mark !== undefined) {
      const found = firstOf(start, end, mark.length);
      // A word that is no mark by itself begins an answer as well as a channel.
      if (!found && !/\W/.test(mark)) continue;
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
  const end = promptEnd.trimEnd();
  const mark = families.flatMap(({ begin, tags }) => (tags ? begin : [])).find((each) => end.endsWith(each));
  return mark === undefined ? '' : `${mark}\n`;
}

function firstOf(text: string, marks: string[], from: number): { at: number; mark: string } | undefined {
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
  content: text.slice(at + mark.length).trimStart().replace(around, '').trimStart(),
});

const tidy = (reasoning: string): string => reasoning.replace(betweenChannels, '').trim();
