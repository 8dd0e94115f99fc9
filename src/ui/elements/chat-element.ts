// <windrow-chat>: a chat for any page, from one script tag. Loads its model, or shares the one of another element.
import { css, html, LitElement, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { type Engine } from '../../api/engine.ts';
import { defaultSettings, type ChatSettings, type Message } from '../chat/chat.ts';
import { Conversation, type Outcome } from '../chat/conversation.ts';
import { hostTheme } from '../page/host-theme.ts';
import { controls } from '../page/controls.ts';
import { type WindrowModel } from './model-element.ts';

const listOf = { fromAttribute: (text: string | null) => (text ?? '').split('|').map((each) => each.trim()).filter(Boolean) };

/**
 * @tag windrow-chat
 * @slot header - Above the messages.
 * @slot start - Above the button that loads the model.
 * @slot welcome - In place of the greeting of an empty chat.
 * @slot footer - Below the composer.
 * @csspart messages - The list of messages.
 * @csspart message - Each message.
 * @csspart user - Each question.
 * @csspart assistant - Each answer.
 * @csspart composer - Where one writes.
 * @cssprop --accent - Colour of buttons and links.
 * @cssprop --page - Background.
 * @cssprop --surface - Background of inputs.
 * @cssprop --bubble - Background of questions.
 * @cssprop --text - Colour of text.
 * @cssprop --font - Font of text.
 * @cssprop --reading-width - Most width of the messages.
 * @fires windrow-progress - Of the load: a LoadProgress.
 * @fires windrow-ready - The model is loaded: { info, engine }.
 * @fires windrow-message - A message is complete, or was stopped: { role, content }.
 * @fires windrow-error - What went wrong: { error }.
 */
export class WindrowChat extends LitElement {
  /** Address of a GGUF, or owner/repo[:quantisation] on a model hub. */
  @property() model = '';
  /** System prompt. */
  @property() system = '';
  /** Most GPU bytes, as in `2GiB`. Default: windrow's own choice. */
  @property() budget?: string;
  @property() placeholder = 'Write a message';
  /** First questions to choose from; as an attribute, divided by `|`. */
  @property({ converter: listOf }) suggestions: string[] = [];
  /** `light` or `dark`; without it, as the page or the system has it. */
  @property({ reflect: true }) theme?: 'light' | 'dark';
  /** Loads without being asked, a download too. */
  @property({ type: Boolean }) autoload = false;
  /** Address of windrow's worker.js on the page's own origin, for pages whose policy asks for it. */
  @property({ attribute: 'worker-src' }) workerSrc?: string;
  /** Tokens of an answer, at most. */
  @property({ type: Number, attribute: 'max-tokens' }) maxTokens?: number;
  /** 0 always takes the likeliest word. */
  @property({ type: Number }) temperature = defaultSettings.temperature;
  /** Above 1, words that were there are less likely. Default: 1.1 for models of fewer than 2 billion parameters, else 1. */
  @property({ type: Number, attribute: 'repeat-penalty' }) repeatPenalty?: number;
  @state() private draft = '';

  private readonly conversation = new Conversation(this);

  get engine(): Engine | null {
    return this.loader?.engine ?? null;
  }

  get messages(): readonly Message[] {
    return this.conversation.messages;
  }

  /**
   * Asks `text`, loading the model first if need be. Gives the answer, of as much as there was before a stop. Rejects with
   * windrow's errors, also where one cuts the answer off; what there is of it is then in `messages`.
   */
  async send(text: string): Promise<string> {
    const { content, error } = await this.outcomeOf(text);
    if (error) throw error;
    return content;
  }

  /** Ends the answer that is being written. */
  stop(): void {
    this.conversation.stop();
  }

  /** Begins anew, with the same model. */
  reset(): void {
    this.conversation.open([]);
  }

  override render(): TemplateResult {
    const { conversation } = this;
    return html`
      <slot name="header"></slot>
      <windrow-model inside .model=${this.model} .budget=${this.budget} ?autoload=${this.autoload} .workerSrc=${this.workerSrc}
        @windrow-ready=${() => this.requestUpdate()}>
        <slot name="start" slot="start"></slot>
        ${conversation.error ? html`<windrow-error-banner .error=${conversation.error} @dismiss=${() => conversation.dismiss()}></windrow-error-banner>` : ''}
        <windrow-message-list part="messages" exportparts="message, user, assistant"
          .messages=${conversation.messages} .suggestions=${this.suggestions} ?answering=${conversation.answering} ?locked=${conversation.answering}
          @suggest=${({ detail }: CustomEvent<string>) => this.ask(detail)}
          @again=${({ detail }: CustomEvent<{ at: number }>) => this.again(detail.at)}
          @edit=${({ detail }: CustomEvent<{ at: number; text: string }>) => this.again(detail.at, detail.text)}
          @delete-message=${({ detail }: CustomEvent<{ at: number }>) => conversation.remove(detail.at)}><slot name="welcome"
            slot="welcome"></slot></windrow-message-list>
        <windrow-composer part="composer" .draft=${this.draft} .placeholder=${this.placeholder} ?answering=${conversation.answering}
          @send=${({ detail }: CustomEvent<string>) => this.ask(detail)} @stop=${() => this.stop()}></windrow-composer>
      </windrow-model>
      <slot name="footer"></slot>
    `;
  }

  private get loader(): WindrowModel | null {
    return this.renderRoot.querySelector('windrow-model');
  }

  /** From the composer. Errors are shown, and told by an event. */
  private async ask(text: string): Promise<void> {
    this.draft = '';
    const outcome = await this.outcomeOf(text).catch(() => null);
    if (!outcome || outcome.ended === 'none') this.draft = text;
  }

  private async outcomeOf(text: string): Promise<Outcome> {
    await this.updateComplete;
    await this.loader!.updateComplete; // another model may just have been set
    const engine = this.engine ?? (await this.loader!.load());
    if (this.conversation.answering) throw new Error('An answer is being written. Call stop() first, or wait for windrow-message.');
    this.tell('windrow-message', { role: 'user', content: text });
    return this.tellAnswer(this.conversation.ask(engine, text, this.settings));
  }

  private async again(at: number, text?: string): Promise<void> {
    const { engine, conversation } = this;
    if (!engine || conversation.answering) return;
    if (text !== undefined) {
      this.renderRoot.querySelector<HTMLElement>('windrow-composer')?.focus(); // the editor goes away
      this.tell('windrow-message', { role: 'user', content: text });
    }
    await this.tellAnswer(conversation.again(engine, at, this.settings, text));
  }

  private get settings(): ChatSettings {
    const { system, temperature, repeatPenalty, maxTokens } = this;
    return { ...defaultSettings, system, temperature, repeatPenalty, maxTokens };
  }

  /** Tells what came of `answering`, whether asked by the page or by a button of the chat. */
  private async tellAnswer(answering: Promise<Outcome>): Promise<Outcome> {
    const outcome = await answering;
    const { ended, content, error } = outcome;
    if (error) {
      this.tell('windrow-error', { error });
      this.loader?.report(error);
    }
    if (ended === 'complete' || (ended === 'stopped' && content)) this.tell('windrow-message', { role: 'assistant', content });
    return outcome;
  }

  private tell(event: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(event, { detail, bubbles: true, composed: true }));
  }

  static override styles = [
    ...hostTheme,
    controls,
    css`
      :host {
        display: flex;
        flex-direction: column;
        height: 32rem;
        overflow: hidden;
      }
      windrow-model {
        display: flex;
        flex: 1;
        flex-direction: column;
        min-height: 0;
      }
      windrow-message-list {
        flex: 1;
        min-height: 0;
      }
    `,
  ];
}
