// From the messages of a conversation to the tokens of a prompt, by the Jinja template in a model file. What a message
// contains stays text: nothing in it becomes a control token (provenance.ts says how).
import { RequestError, UnsupportedModelError } from '../errors.ts';
import { type Metadata } from '../gguf/header.ts';
import { getString } from '../gguf/metadata.ts';
import { parseTemplate, type Program, runTemplate, TemplateException } from './jinja.ts';
import { acceptMarked, acceptUnmarked, createMarks } from './provenance.ts';
import { type ControlFilter } from './special-tokens.ts';
import { type Tokenizer } from './tokenizer.ts';

export interface Message {
  readonly role: string;
  readonly content: string;
}

export interface RenderOptions {
  /** Ends with the beginning of the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean;
}

export interface ChatTemplate {
  /** Where the template comes from: the file, or one of two for files without. */
  readonly origin: 'file' | 'chatml' | 'plain';
  /** The prompt as transformers renders it, byte for byte. */
  render(messages: readonly Message[], options?: RenderOptions): string;
  /** The ids of the prompt, BOS once if the file asks for it. */
  encode(messages: readonly Message[], options?: RenderOptions): number[];
  /** Ids after which an answer is over: the tokenizer's, and what the template ends an assistant's turn with. */
  readonly endOfTurn: ReadonlySet<number>;
  /** Texts before which an answer is over, where no token says so. */
  readonly stop: readonly string[];
}

const chatml = `{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;
const plain = `{% for message in messages %}{% if message.role == 'system' %}{{ message.content + '\\n\\n' }}{% else %}{{ message.role | capitalize }}{{ ': ' + message.content + '\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}`;

export interface TemplateOptions {
  /** For templates that print the date. Default: the time of each call. */
  readonly now?: () => Date;
}

/** Never throws for a bad template: `render` and `encode` do, as prompts without a template still work. */
export function createTemplate(metadata: Metadata, tokenizer: Tokenizer, { now = () => new Date() }: TemplateOptions = {}): ChatTemplate {
  const own = getString(metadata, 'tokenizer.chat_template', '');
  const hasChatml = tokenizer.find('<|im_start|>') !== undefined && tokenizer.find('<|im_end|>') !== undefined;
  const origin = own ? 'file' : hasChatml ? 'chatml' : 'plain';
  const source = own || (hasChatml ? chatml : plain);
  const marks = createMarks(tokenizer.controlSpellings);
  let program: Program | undefined;
  let broken: Error | undefined;

  /** `messages` are well-formed, or carry marks in their contents. */
  function run(messages: readonly Message[], { addGenerationPrompt = true }: RenderOptions, mark: boolean): string {
    const token = (id: number | undefined): string => (id === undefined ? '' : mark ? marks.markAll(tokenizer.spelling(id)) : tokenizer.spelling(id));
    if (broken) throw broken;
    try {
      program ??= parseTemplate(source);
      const variables = {
        messages,
        add_generation_prompt: addGenerationPrompt, tools: null, documents: null,
        bos_token: token(tokenizer.bos), eos_token: token(tokenizer.eos), unk_token: token(tokenizer.unknown),
      };
      return runTemplate(program, variables, now(), mark ? marks : undefined);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof TemplateException) throw new RequestError(`The model's chat template does not accept this conversation: ${reason}`);
      const unusable = new UnsupportedModelError(`The model's chat template cannot be run: ${reason}. Give the prompt as text instead.`);
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
    const { text, marked } = marks.read(run(messages.map(({ role, content }) => ({ role, content: marks.markStarts(content) })), options, false));
    return { text, accept: acceptUnmarked(marked) };
  }

  let sound: boolean | undefined;
  /** Whether marks change nothing in what this template writes; else the contents are marked, which may mislead it. */
  const soundMarks = (): boolean =>
    (sound ??= probes.every((probe) => {
      const [bare, marked] = [false, true].map((mark) => attempt(() => run(probe, {}, mark)));
      return bare === (marked === undefined ? undefined : marks.unmark(marked));
    }));

  return {
    origin,
    stop: origin === 'plain' ? ['\nUser:'] : [],
    endOfTurn: new Set([...tokenizer.endOfTurn, ...endingOf(tokenizer, (messages, options) => attempt(() => trace(messages, options)))]),
    render: (messages, options = {}) => run(check(messages), options, false),
    encode(messages, options = {}) {
      const { text, accept } = trace(check(messages), options);
      const ids = tokenizer.encode(text, { parseSpecial: accept });
      if (tokenizer.addBos && ids[0] !== tokenizer.bos) ids.unshift(tokenizer.bos!);
      return ids;
    },
  };
}

const probes: readonly (readonly Message[])[] = [
  [{ role: 'user', content: 'Hi.' }],
  [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: ' Hi, <b>you</b>!\n' }],
  [{ role: 'user', content: 'Hi.' }, { role: 'assistant', content: '<think>\nWell\n</think>\n\nHello.' }, { role: 'user', content: 'Bye.' }],
];

/** The control token that follows the assistant's last words, if one does. */
function endingOf(tokenizer: Tokenizer, trace: (messages: readonly Message[], options: RenderOptions) => { text: string; accept: ControlFilter } | undefined): number[] {
  const answer = 'Certainly so';
  const traced = trace([{ role: 'user', content: 'Hi.' }, { role: 'assistant', content: answer }], { addGenerationPrompt: false });
  const at = traced ? traced.text.lastIndexOf(answer) : -1;
  if (!traced || at < 0) return [];
  let start = at + answer.length;
  while (/\s/.test(traced.text.charAt(start))) start++;
  const { accept } = traced;
  const [id] = tokenizer.encode(traced.text.slice(start), { parseSpecial: typeof accept === 'boolean' ? accept : (from, to) => accept(start + from, start + to) });
  return id !== undefined && tokenizer.isControl(id) && id !== tokenizer.bos ? [id] : [];
}

/** Plain messages of well-formed text: half surrogate pairs have no UTF-8, and would be taken for marks. */
function check(messages: readonly Message[]): Message[] {
  if (messages.length === 0) throw new RequestError('The conversation has no messages; needed is at least one.');
  return messages.map(({ role, content }, index) => {
    // A role becomes part of control tokens.
    if (typeof role !== 'string' || !/^[\w-]{1,64}$/.test(role)) throw new RequestError(`The role of message ${index + 1} is ${JSON.stringify(role)}; needed is a word like "user", "assistant" or "system".`);
    if (typeof content !== 'string') throw new RequestError(`The content of message ${index + 1} is no text.`);
    return { role, content: content.replace(/\p{Cs}/gu, '\ufffd') };
  });
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
