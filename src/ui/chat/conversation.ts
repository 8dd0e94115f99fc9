// The messages on the page and the answer that is being written. View state only; what is to be kept goes to `changed`.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { type Engine } from '../../api/engine.ts';
import { type GenerateStats } from '../../protocol.ts';
import { type ChatSettings, type Message, usualPenalty } from './chat.ts';
import { formatSpeed } from '../page/format.ts';

/** A page may be left in mid-answer: so much of it may be lost. */
const keepEveryMs = 1000;

/** What came of a question. */
export interface Outcome {
  /** `interrupted`: an error cut the answer off. `none`: an error came before it, and all is as it was before the question. `left`: another conversation was opened meanwhile. */
  ended: 'complete' | 'stopped' | 'interrupted' | 'none' | 'left';
  /** The answer, or as much as there is of it. */
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

  /** Text that came since the last frame. */
  private unshown = '';
  private frame = 0;
  /** When the answer under way was last given to `changed`. */
  private keptAt = 0;
  private request: AbortController | null = null;

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
    this.set({ answering: false });
    this.keep([...this.messages.slice(0, -1), ...(answer.content ? [{ ...answer, note: 'Stopped' }] : [])]);
  }

  /** Shows another conversation. */
  open(messages: Message[]): void {
    this.settle();
    this.set({ messages, error: null });
  }

  /** Resolves when the answer has ended, however that came. */
  ask(engine: Engine, question: string, settings?: Partial<ChatSettings>): Promise<Outcome> {
    return this.answer(engine, [...this.messages, { role: 'user', content: question }], settings);
  }

  /** The question before message `at` anew, with its later messages dropped; `text` in its place if given. */
  async again(engine: Engine, at: number, settings?: Partial<ChatSettings>, text?: string): Promise<Outcome> {
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

  private async answer(engine: Engine, asked: Message[], settings: Partial<ChatSettings> = {}): Promise<Outcome> {
    const before = this.messages;
    const request = (this.request = new AbortController());
    const { system, temperature, topP: top_p, topK: top_k, minP: min_p, repeatPenalty, maxTokens, seed } = settings;
    this.set({ messages: [...asked, { role: 'assistant', content: '' }], answering: true, error: null });
    this.changed(asked);
    let content = '';
    let note = 'Stopped';
    let error: Error | undefined;
    let numbers: GenerateStats | undefined;
    try {
      const stream = await engine.chat.completions.create({
        messages: [...(system ? [{ role: 'system' as const, content: system }] : []), ...asked.map(({ role, content }) => ({ role, content }))],
        stream: true,
        temperature, top_p, top_k, min_p, seed,
        repeat_penalty: repeatPenalty ?? usualPenalty(engine.info.parameters),
        max_completion_tokens: maxTokens,
        signal: request.signal,
      });
      for await (const { choices, stats, tokens = 0 } of stream) {
        if (this.request !== request) break;
        this.tokens += tokens;
        const text = choices[0]?.delta.content ?? '';
        content += text;
        this.show(text);
        if (stats) note = noteOf((numbers = stats), choices[0].finish_reason === 'length');
      }
    } catch (thrown) {
      error = thrown as Error;
      note = 'Interrupted';
    }
    if (this.request !== request) return { ended: 'left', content };
    this.flush();
    const taken = error !== undefined && content === '';
    this.set({ answering: false, error: error ?? null });
    this.keep(taken ? before : [...this.messages.slice(0, -1), { ...this.messages.at(-1)!, note }], numbers);
    if (error) return { ended: taken ? 'none' : 'interrupted', content, error };
    return { ended: numbers ? 'complete' : 'stopped', content };
  }

  private keep(messages: Message[], stats?: GenerateStats): void {
    this.set({ messages });
    this.changed(messages, stats);
  }

  /** Once per animation frame, however many tokens come. */
  private show(text: string): void {
    if (!text) return;
    this.unshown += text;
    this.frame ||= requestAnimationFrame(() => this.flush());
  }

  private flush(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const last = this.messages.at(-1);
    if (!this.unshown || !last || !this.answering) return;
    this.set({ messages: [...this.messages.slice(0, -1), { ...last, content: last.content + this.unshown }] });
    this.unshown = '';
    if (performance.now() - this.keptAt < keepEveryMs) return;
    this.keptAt = performance.now();
    this.changed(this.messages); // not only when the page is left: what is stored then may be lost with it
  }

  private set(state: Partial<Conversation>): void {
    Object.assign(this, state);
    this.host.requestUpdate();
  }
}

function noteOf(stats: GenerateStats, cut: boolean): string {
  const tokens = `${stats.newTokens} ${stats.newTokens === 1 ? 'token' : 'tokens'}`;
  const speed = stats.newTokens > 1 && stats.decodeMs > 0 ? [formatSpeed(((stats.newTokens - 1) * 1000) / stats.decodeMs)] : [];
  return [tokens, ...speed, ...(cut ? ['cut off at the limit'] : [])].join(' · ');
}
