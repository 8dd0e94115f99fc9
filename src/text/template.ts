// From the messages of a conversation to the tokens of a prompt, by the Jinja template in a model file. What a message
// contains stays text: nothing in it becomes a control token (provenance.ts says how).
import { RequestError, UnsupportedModelError } from '../errors.ts';
import { openedBy } from '../thoughts.ts';
import { type Metadata } from '../gguf/header.ts';
import { getString } from '../gguf/metadata.ts';
import { withCalls } from './call-messages.ts';
import { namedTemplates, suggestFormat } from './fallback-templates.ts';
import { parseTemplate, type Program, runTemplate, TemplateException } from './jinja/run.ts';
import { mapTexts, type Message, normalizeMessages, systemIntoQuestion, wellFormed } from './messages.ts';
import { acceptMarked, acceptUnmarked, createMarks } from './provenance.ts';
import { type ControlFilter } from './tokenizer/special-tokens.ts';
import { type Tokenizer } from './tokenizer/tokenizer.ts';

export { type Message };

export interface RenderOptions {
  /** Ends with the beginning of the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Functions as JSON schemas, and documents, for templates that take them. */
  readonly tools?: readonly unknown[];
  readonly documents?: readonly unknown[];
  /** Further variables of the template, like enable_thinking: transformers' chat_template_kwargs. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface ChatTemplate {
  /** Where the template comes from: the file, or a format that the vocabulary suggests. */
  readonly origin: string;
  /** The Jinja that is run. */
  readonly source: string;
  /** What a person should know of how conversations are written, if anything. */
  readonly notices: readonly string[];
  /** Whether the template reads this variable. */
  reads(variable: string): boolean;
  /** The prompt as transformers renders it, byte for byte. */
  render(messages: readonly Message[], options?: RenderOptions): string;
  /** The ids of the prompt, BOS once if the file asks for it. A system prompt without a place of its own is put before the first question. */
  encode(messages: readonly Message[], options?: RenderOptions): number[];
  /** Ids after which an answer is over: the tokenizer's, and what the template ends an assistant's turn with. */
  readonly endOfTurn: ReadonlySet<number>;
  /** Texts before which an answer is over, where no token says so. */
  readonly stop: readonly string[];
}

export interface TemplateOptions {
  /** For templates that print the date. Default: the time of each call. */
  readonly now?: () => Date;
}

/** Never throws for a bad template: `render` and `encode` do, as prompts without a template still work. */
export function createTemplate(metadata: Metadata, tokenizer: Tokenizer, { now = () => new Date() }: TemplateOptions = {}): ChatTemplate {
  const { origin, source, program, stop, notices } = choose(getString(metadata, 'tokenizer.chat_template', ''), tokenizer);
  const marks = createMarks(tokenizer.controlSpellings);
  let broken: Error | undefined;

  /** `messages` are well-formed, or carry marks in their contents. */
  function run(messages: readonly Message[], options: RenderOptions, mark: boolean): string {
    const { addGenerationPrompt = true, tools, documents, variables } = options;
    const token = (id: number | undefined): string => (id === undefined ? '' : mark ? marks.markAll(tokenizer.spelling(id)) : tokenizer.spelling(id));
    if (broken) throw broken;
    const last = messages.at(-1);
    if (last?.prefix === true) return withPrefix(run(messages.slice(0, -1), options, mark), String(last.content), mark ? marks.markAll : String, marks.unmark);
    try {
      const all = {
        bos_token: token(tokenizer.bos),
        eos_token: token(tokenizer.eos),
        unk_token: token(tokenizer.unknown),
        tools: tools ?? null,
        documents: documents ?? null,
        ...variables,
        messages: withCalls(messages, source, mark ? marks.markAll : String),
        add_generation_prompt: addGenerationPrompt,
      };
      return runTemplate(program, all, now(), mark ? marks : undefined);
    } catch (error) {
      if (error instanceof RequestError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof TemplateException) throw new RequestError(`The model's chat template does not accept this conversation: ${reason}`);
      const unusable = new UnsupportedModelError(
        `The model's chat template cannot be run: ${reason}. Choose another file of the model, or give the prompt as text.`,
      );
      // What passes the bounds with a few words will pass them again, after seconds each time.
      if (error instanceof RangeError && probes.includes(messages)) broken = unusable;
      throw unusable;
    }
  }

  /** The prompt, and which spellings of control tokens in it the template wrote. */
  function trace(messages: readonly Message[], options: RenderOptions): { text: string; accept: ControlFilter } {
    if (soundMarks()) {
      const { text, marked } = marks.read(run(messages, options, true));
      return { text, accept: acceptMarked(text, marked, new Set(messages.map(({ role }) => role))) };
    }
    const marked = <T>(value: T): T => mapTexts(value, marks.markStarts) as T;
    const { tools, documents, variables } = options;
    const contents = messages.map(({ role, ...fields }) => ({ ...marked(fields), role }));
    const read = marks.read(run(contents, { ...options, tools: marked(tools), documents: marked(documents), variables: marked(variables) }, false));
    return { text: read.text, accept: acceptUnmarked(read.marked) };
  }

  let sound: boolean | undefined;
  /** Whether marks change nothing in what this template writes; else the contents are marked, which may mislead it. */
  const soundMarks = (): boolean =>
    (sound ??= probes.every((probe) => {
      const [bare, marked] = [false, true].map((mark) => attempt(() => run(probe, {}, mark)));
      return bare === (marked === undefined ? undefined : marks.unmark(marked));
    }));

  const placesSystem =
    attempt(() => run(questionOnly, {}, false)) === undefined || attempt(() => run(systemAndQuestion, {}, false))?.includes(systemPrompt) === true;

  return {
    origin, source, stop,
    notices: placesSystem ? notices : [...notices, "The model's chat template has no place for a system prompt: it is put before the first question."],
    reads: (variable) => new RegExp(`\\b${variable}\\b`).test(source),
    endOfTurn: new Set([...tokenizer.endOfTurn, ...endingOf(tokenizer, (messages, options) => attempt(() => trace(messages, options)))]),
    render: (messages, options = {}) => run(normalizeMessages(messages), checkOptions(options), false),
    encode(messages, options = {}) {
      const given = normalizeMessages(messages);
      const { text, accept } = trace(placesSystem ? given : systemIntoQuestion(given), checkOptions(options));
      const ids = tokenizer.encode(text, { parseSpecial: accept });
      if (tokenizer.addBos && ids[0] !== tokenizer.bos) ids.unshift(tokenizer.bos!);
      return ids;
    },
  };
}

/** Where the model goes on: reasoning that the template has begun is ended before, unless the prefix ends it itself. `own`: text as the template's. */
function withPrefix(prompt: string, prefix: string, own: (text: string) => string, unmark: (text: string) => string): string {
  const [close] = openedBy(unmark(prompt))?.end ?? [];
  return `${prompt}${close !== undefined && !unmark(prefix).includes(close) ? own(`\n${close}\n\n`) : ''}${prefix}`;
}

interface Choice {
  readonly origin: string;
  readonly source: string;
  readonly program: Program;
  readonly stop: readonly string[];
  readonly notices: readonly string[];
}

/** The file's own template, or the format that the vocabulary suggests if there is none, or none that is Jinja. */
function choose(inFile: string, tokenizer: Tokenizer): Choice {
  const own = namedTemplates[inFile] ?? inFile;
  let reason: string | undefined;
  if (own) {
    try {
      return { origin: 'file', source: own, program: parseTemplate(own), stop: [], notices: [] };
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  const { name, template, stop = [] } = suggestFormat((token) => tokenizer.find(token) !== undefined);
  const notices =
    reason === undefined
      ? []
      : [`The model's chat template is no Jinja (${reason}): conversations are written in the format "${name}", which its vocabulary suggests.`];
  return { origin: name, source: template, program: parseTemplate(template), stop, notices };
}

const systemPrompt = 'Be brief.';
const questionOnly: readonly Message[] = [{ role: 'user', content: 'Hi.' }];
const systemAndQuestion: readonly Message[] = [{ role: 'system', content: systemPrompt }, { role: 'user', content: ' Hi, <b>you</b>!\n' }];

const probes: readonly (readonly Message[])[] = [
  questionOnly,
  systemAndQuestion,
  [{ role: 'user', content: 'Hi.' }, { role: 'assistant', content: '<think>\nWell\n</think>\n\nHello.' }, { role: 'user', content: 'Bye.' }],
];

/** The control token that follows the assistant's last words, if one does. */
function endingOf(
  tokenizer: Tokenizer,
  trace: (messages: readonly Message[], options: RenderOptions) => { text: string; accept: ControlFilter } | undefined,
): number[] {
  const answer = 'Certainly so';
  const traced = trace(
    [
      { role: 'user', content: 'Hi.' },
      { role: 'assistant', content: answer },
    ],
    { addGenerationPrompt: false },
  );
  const at = traced ? traced.text.lastIndexOf(answer) : -1;
  if (!traced || at < 0) return [];
  let start = at + answer.length;
  while (/\s/.test(traced.text.charAt(start))) start++;
  const { accept } = traced;
  const [id] = tokenizer.encode(traced.text.slice(start), {
    parseSpecial: typeof accept === 'boolean' ? accept : (from, to) => accept(start + from, start + to),
  });
  return id !== undefined && tokenizer.isControl(id) && id !== tokenizer.bos ? [id] : [];
}

/** What belongs to the conversation or the file cannot be given as a variable. */
const reserved = ['messages', 'add_generation_prompt', 'bos_token', 'eos_token', 'unk_token'];

function checkOptions(options: RenderOptions): RenderOptions {
  const taken = reserved.find((name) => options.variables && Object.hasOwn(options.variables, name));
  if (taken) throw new RequestError(`chat_template_kwargs has ${taken}, which is the conversation's or the model's own. Leave it out.`);
  return wellFormed(options) as RenderOptions;
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
