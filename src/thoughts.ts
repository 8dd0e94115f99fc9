// The marks with which models tell what they think from what they answer, a row for each family. Plain data, for the page and
// for what takes answers apart.

export interface ThoughtMarks {
  /** Where a text begins with it, reasoning begins. */
  readonly begin: readonly string[];
  /** Ends it; what follows is the answer. */
  readonly end: readonly string[];
  /** The marks are XML or alike and mean nothing else: an end without its begin ends what the template began. */
  readonly tags?: boolean;
  /** Channels of harmony, which have a reader of their own. */
  readonly channels?: boolean;
  /** What stands around the answer, and is no part of it; '' where reasoning has ended with the first. */
  readonly answer?: readonly [begin: string, end: string];
}

/** From the templates and model cards of each. */
export const thoughtFamilies: readonly ThoughtMarks[] = [
  { begin: ['<think>'], end: ['</think>'], tags: true }, // DeepSeek R1, Qwen 3, SmolLM3, GLM 4.5 and most others
  { begin: ['<thinking>'], end: ['</thinking>'], tags: true },
  { begin: ['<thought>'], end: ['</thought>'], tags: true },
  { begin: ['<reasoning>'], end: ['</reasoning>'], tags: true },
  { begin: ['<seed:think>'], end: ['</seed:think>'], tags: true }, // Seed-OSS
  { begin: ['[THINK]'], end: ['[/THINK]'], tags: true }, // Magistral
  { begin: ['◁think▷'], end: ['◁/think▷'], tags: true }, // Kimi
  { begin: ['<|begin_of_thought|>'], end: ['<|end_of_thought|>'], tags: true }, // OpenThinker
  { begin: ['<|channel>thought'], end: ['<channel|>'], tags: true }, // Gemma 4
  { begin: ['<|START_THINKING|>'], end: ['<|END_THINKING|>'], tags: true }, // Command R7B, A
  { begin: ['<|inner_prefix|>'], end: ['<|inner_suffix|>'], tags: true }, // Apertus
  { begin: ['Here are my reasoning steps:'], end: ['[BEGIN FINAL RESPONSE]'], tags: true, answer: ['', '[END FINAL RESPONSE]'] }, // Apriel
  { begin: ['Here is my thought process:', "Here's my thought process:"], end: ['Here is my response:', "Here's my response:"] }, // Granite 3.2
  { begin: ['<|channel|>analysis<|message|>'], end: ['<|channel|>final<|message|>'], channels: true }, // gpt-oss (harmony)
  { begin: ['analysis'], end: ['assistantfinal'], channels: true }, // ... where control tokens have no text
];

/** A mark that is words alone: an answer may begin with it as well. */
export const isWords = (mark: string): boolean => !/[<[◁|]/.test(mark);

const firstTag = /^<[^>]*>/;
/** The control token that a mark may be, or begin with where a word follows it, as Gemma's. */
export const tokenOf = (mark: string): string => firstTag.exec(mark)?.[0] ?? mark;

/** Spellings of control tokens that marks of reasoning may have in them. */
export const tokensOf = ({ begin, end }: ThoughtMarks): string[] => [...new Set([...begin, ...end].flatMap((mark) => [mark, tokenOf(mark)]))];

/** The family whose mark ends a prompt, so that an answer begins within the reasoning. */
export function openedBy(promptEnd: string): ThoughtMarks | undefined {
  const end = promptEnd.trimEnd();
  return thoughtFamilies.find(({ begin, tags }) => tags && begin.some((mark) => end.endsWith(mark)));
}

/** Around answers, where a template asks for it: Granite 3.3, Command R7B. */
export const answerMarks = [['<response>', '</response>'], ['<|START_RESPONSE|>', '<|END_RESPONSE|>']] as const;

/** Whether a template has a mark of the family: some only take away what was thought before, and so have its end alone. */
export const hasThought = (template: string, { begin, end }: ThoughtMarks): boolean => [...begin, ...end].some((mark) => template.includes(mark));

/** The family of a chat template; that of most models where nothing in it tells. */
export function thoughtOf(template: string, promptEnd = ''): ThoughtMarks {
  const written = thoughtFamilies.find((family) => !family.channels && hasThought(template, family));
  const family = openedBy(promptEnd) ?? written ?? thoughtFamilies[0];
  const answer = answerMarks.find(([begin]) => template.includes(begin));
  return answer ? { ...family, answer } : family;
}
