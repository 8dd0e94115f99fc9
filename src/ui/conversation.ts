// The messages on the page and the answer that is being written. View state only.
import { type ReactiveController, type ReactiveControllerHost } from 'lit';
import { type Engine } from '../api/engine.ts';
import { type GenerateStats } from '../protocol.ts';
import { formatSpeed } from './format.ts';

export interface Message {
  role: 'user' | 'assistant';
  content: string;
  /** A line below an answer: its speed, or why it ended. */
  note?: string;
}

export class Conversation implements ReactiveController {
  messages: Message[] = [];
  answering = false;
  error: Error | null = null;

  /** Text that came since the last frame. */
  private unshown = '';
  private frame = 0;
  private request: AbortController | null = null;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {}

  hostDisconnected(): void {
    this.stop();
  }

  /** Resolves when the answer has ended, to false if there is none: the question is then taken back. */
  async ask(engine: Engine, question: string, maxTokens?: number): Promise<boolean> {
    const before = this.messages;
    const request = (this.request = new AbortController());
    const asked: Message[] = [...before, { role: 'user', content: question }];
    this.set({ messages: [...asked, { role: 'assistant', content: '' }], answering: true, error: null });
    let note = 'Stopped';
    try {
      const stream = await engine.chat.completions.create({
        messages: asked.map(({ role, content }) => ({ role, content })),
        stream: true,
        max_completion_tokens: maxTokens,
        signal: request.signal,
      });
      for await (const { choices, stats } of stream) {
        this.show(choices[0]?.delta.content ?? '');
        if (stats) note = noteOf(stats, choices[0].finish_reason === 'length');
      }
    } catch (error) {
      note = 'Interrupted';
      this.set({ error: error as Error });
    }
    if (this.request !== request) return true; // cleared meanwhile
    this.flush();
    const answer = this.messages.at(-1)!;
    const taken = this.error !== null && answer.content === '';
    this.set({ answering: false, messages: taken ? before : [...this.messages.slice(0, -1), { ...answer, note }] });
    return !taken;
  }

  stop(): void {
    this.request?.abort();
    this.flush();
  }

  clear(): void {
    this.stop();
    this.request = null;
    this.set({ messages: [], answering: false, error: null });
  }

  dismiss(): void {
    this.set({ error: null });
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
    if (!this.unshown || !last) return;
    this.set({ messages: [...this.messages.slice(0, -1), { ...last, content: last.content + this.unshown }] });
    this.unshown = '';
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
