// The messages on the page and the answer that is being written. View state only; what is to be kept goes to `changed`.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { type ChatFinishReason } from '../../api/completions/chat.ts';
import { type ChatMessage, type GenerateStats } from '../../protocol.ts';
import { type Answerer } from './answerer.ts';
import { type ChatSettings, type Message, usualPenalty } from './chat.ts';
import { formatSpeed } from '../page/format.ts';
import { begunBy, partsOf } from './reasoning.ts';
import { fewestToDrop, firstRead, promptOf, turnsBefore } from './turns.ts';

/** A page may be left in mid-answer: so much of it may be lost. */
const keepEveryMs = 1000;

/** How a question is asked. */
export type AskSettings = Partial<ChatSettings> & {
  /** Leave out the oldest turns where all of them are too long for the model's context. */
  forgets?: boolean;
};

/** Of the context, what a conversation that forgets leaves free for the answer. */
const roomForAnswer = 0.25;

/** What came of a question. */
export interface Outcome {
  /**
   * `interrupted`: an error cut the answer off. `none`: an error came before it, and all is as it was before the question. `left`: another
   * conversation was opened meanwhile.
   */
  ended: 'complete' | 'stopped' | 'interrupted' | 'none' | 'left';
  /** The answer without its reasoning, or as much as there is of it. */
  content: string;
  /** Of `interrupted` and `none`. */
  error?: Error;
}

export class Conversation implements ReactiveController {
  messages: Message[] = [];
  answering = false;
  error: Error | null = null;
  /** Tokens written since the page was opened. */
  tokens = 0;
  /** The first message that the model has read for the last answer: what is before it was left out. */
  readFrom = 0;

  /** What the model wrote of the answer under way, reasoning and marks included, and whether all of it is shown. */
  private written = '';
  private shown = true;
  private frame = 0;
  /** When the answer under way was last given to `changed`. */
  private keptAt = 0;
  private request: AbortController | null = null;
  /** Where the answer under way comes from. */
  private source: Answerer['info'] | null = null;

  constructor(
    private readonly host: ReactiveControllerHost,
    /** Called when a message is there to stay, now and then with the answer under way, and with the numbers of each answer. */
    private readonly changed: (messages: Message[], stats?: GenerateStats) => void = () => {},
  ) {
    host.addController(this);
  }

  hostConnected(): void {}

  hostDisconnected(): void {
    this.stop();
  }

  /** Ends the answer that is being written and keeps what there is of it. */
  settle(): void {
    if (!this.answering) return;
    this.stop();
    this.request = null;
    const answer = this.messages.at(-1)!;
    const note = joined('Stopped', ...from(this.source!));
    this.set({ answering: false });
    this.keep([...this.messages.slice(0, -1), ...(answer.content || answer.reasoning ? [{ ...answer, note }] : [])]);
  }

  /** Shows another conversation, or what another page has added to this one. Messages that are as they were stay the same objects. */
  open(messages: Message[]): void {
    this.settle();
    const before = this.messages;
    this.set({ messages: messages.map((message, at) => (isSame(message, before[at]) ? before[at] : message)), error: null, readFrom: 0 });
  }

  /** Resolves when the answer has ended, however that came. */
  ask(engine: Answerer, question: string, settings?: AskSettings): Promise<Outcome> {
    return this.answer(engine, [...this.messages, { role: 'user', content: question }], settings);
  }

  /** The question before message `at` anew, with its later messages dropped; `text` in its place if given. */
  async again(engine: Answerer, at: number, settings?: AskSettings, text?: string): Promise<Outcome> {
    const question = this.messages.slice(0, at + 1).findLastIndex(({ role }) => role === 'user');
    if (question < 0) return { ended: 'none', content: '' };
    const asked = this.messages.slice(0, question + 1);
    if (text !== undefined) asked[question] = { role: 'user', content: text };
    return this.answer(engine, asked, settings);
  }

  remove(at: number): void {
    this.keep(this.messages.filter((_, i) => i !== at));
  }

  stop(): void {
    this.request?.abort();
    this.flush();
  }

  dismiss(): void {
    this.set({ error: null });
  }

  private async answer(engine: Answerer, asked: Message[], settings: AskSettings = {}): Promise<Outcome> {
    const before = this.messages;
    const request = (this.request = new AbortController());
    this.source = engine.info;
    const { temperature, topP: top_p, topK: top_k, minP: min_p, maxTokens, seed } = settings;
    const { repeatPenalty = usualPenalty(engine.info.parameters) } = settings;
    this.written = begunBy(promptEndFor(engine, settings));
    this.set({ messages: [...asked, { role: 'assistant', ...partsOf(this.written, true) }], answering: true, error: null, readFrom: 0 });
    this.changed(asked);
    let came = false;
    let isWhole = false;
    let note = joined('Stopped', ...from(engine.info));
    let error: Error | undefined;
    let numbers: GenerateStats | undefined;
    try {
      const stream = await engine.chat.completions.create({
        messages: await this.readable(engine, asked, settings),
        stream: true,
        temperature, top_p, top_k, min_p, seed,
        repeat_penalty: repeatPenalty,
        max_completion_tokens: maxTokens,
        chat_template_kwargs: variablesFor(engine, settings),
        signal: request.signal,
      });
      for await (const { choices, stats, tokens = 0 } of stream) {
        if (this.request !== request) break;
        this.tokens += tokens;
        const text = choices[0]?.delta.content ?? '';
        came ||= text !== '';
        this.show(text);
        const reason = choices[0]?.finish_reason;
        if (!reason) continue;
        [isWhole, numbers, note] = [true, stats, noteOf(stats, reason, engine.info)];
      }
    } catch (thrown) {
      if (!request.signal.aborted) [error, note] = [thrown as Error, joined('Interrupted', ...from(engine.info))];
    }
    if (this.request !== request) return { ended: 'left', content: '' };
    this.flush();
    const taken = error !== undefined && !came;
    const answer: Message = { role: 'assistant', ...(came ? partsOf(this.written) : { content: '' }), note };
    this.set({ answering: false, error: error ?? null });
    this.keep(taken ? before : [...this.messages.slice(0, -1), answer], numbers);
    const { content } = answer;
    if (error) return { ended: taken ? 'none' : 'interrupted', content, error };
    return { ended: isWhole ? 'complete' : 'stopped', content };
  }

  /** The prompt, without as many of the oldest turns as it takes if the conversation may forget them. */
  private async readable(engine: Answerer, asked: Message[], settings: AskSettings): Promise<ChatMessage[]> {
    const { system, forgets, maxTokens = Infinity } = settings;
    const { countTokens, info: { context } } = engine;
    if (!forgets || !countTokens || context === undefined) return promptOf(asked, system);
    const variables = { chat_template_kwargs: variablesFor(engine, settings) };
    const room = Math.min(maxTokens, Math.floor(context * roomForAnswer));
    const dropped = await fewestToDrop(
      turnsBefore(asked),
      async (turns) => (await countTokens(promptOf(asked, system, turns), variables)) + room <= context,
    );
    this.set({ readFrom: firstRead(asked, dropped) });
    return promptOf(asked, system, dropped);
  }

  private keep(messages: Message[], stats?: GenerateStats): void {
    this.set({ messages });
    this.changed(messages, stats);
  }

  /** Once per animation frame, however many tokens come. */
  private show(text: string): void {
    if (!text) return;
    this.written += text;
    this.shown = false;
    this.frame ||= requestAnimationFrame(() => this.flush());
  }

  private flush(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.shown || !this.answering) return;
    this.shown = true;
    this.set({ messages: [...this.messages.slice(0, -1), { role: 'assistant', ...partsOf(this.written, true) }] });
    if (performance.now() - this.keptAt < keepEveryMs) return;
    this.keptAt = performance.now();
    this.changed(this.messages); // not only when the page is left: what is stored then may be lost with it
  }

  private set(state: Partial<Conversation>): void {
    Object.assign(this, state);
    this.host.requestUpdate();
  }
}

const isSame = (a: Message, b: Message | undefined): boolean =>
  b !== undefined && a.role === b.role && a.content === b.content && a.reasoning === b.reasoning && a.note === b.note;

/** What the chat template is told, where the visitor has chosen and it listens. */
function variablesFor({ info: { thinking } }: Answerer, { think }: AskSettings): Record<string, boolean> | undefined {
  return think === undefined || !thinking ? undefined : { [thinking.variable]: think };
}

function promptEndFor({ info: { promptEnd = '', thinking } }: Answerer, { think }: AskSettings): string {
  return think === undefined || !thinking ? promptEnd : thinking.promptEnd[think ? 'on' : 'off'];
}

/** `stats` are undefined where a server counts nothing. */
function noteOf(stats: GenerateStats | undefined, reason: ChatFinishReason, info: Answerer['info']): string {
  const { context = Infinity } = info;
  const isFull = stats !== undefined && stats.promptTokens + stats.newTokens >= context;
  const cut = { length: isFull ? 'cut off: the context is full' : 'cut off at the limit', content_filter: 'cut off by a filter' };
  return joined(
    ...(stats ? speedOf(stats) : []),
    ...(reason === 'length' || reason === 'content_filter' ? [cut[reason]] : []),
    ...(stats?.notices ?? []),
    ...from(info),
  );
}

const joined = (...words: string[]): string => words.join(' · ');
const from = ({ host }: Answerer['info']): string[] => (host === undefined ? [] : [`from ${host}`]);

function speedOf({ newTokens, decodeMs }: GenerateStats): string[] {
  const tokens = `${newTokens} ${newTokens === 1 ? 'token' : 'tokens'}`;
  return newTokens > 1 && decodeMs > 0 ? [tokens, formatSpeed(((newTokens - 1) * 1000) / decodeMs)] : [tokens];
}
