// <windrow-message-list>: the conversation, kept at its end while one reads there. Of a long one only the end is rendered,
// and more of it as one scrolls up, a few messages per frame. Event: suggest (a first question).
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { type Message } from './chat.ts';
import { controls } from '../page/controls.ts';
import { isOpen } from './turns.ts';

const defaultSuggestions = ['Write a haiku about the sea.', 'Explain why the sky is blue.', 'Plan a simple dinner for two.'];
/** Within this many pixels of the end counts as being there. */
const nearEnd = 64;
/** Messages of a conversation's first frame, that are rendered more in each frame after it, and at most while one reads at the end. */
const first = 1; // with it come the first layout and the first run of all that shows Markdown
const step = 4;
const mostAtEnd = 60;

export class MessageList extends LitElement {
  @property({ attribute: false }) messages: Message[] = [];
  @property({ attribute: false }) suggestions = defaultSuggestions;
  @property({ type: Boolean }) answering = false;
  /** Nothing can be asked: no model, or an answer is being written. */
  @property({ type: Boolean }) locked = false;
  /** The host of the server that the model is on; '' for this device. */
  @property() server = '';
  /** The first message that the model reads; those before it were left out. */
  @property({ type: Number }) readFrom = 0;
  /** How many messages, counted from the last, are rendered. */
  @state() private shown = first;
  @query('.content') private content!: HTMLElement;

  private follow = true;
  private frame = 0;
  /** How far the end of the content is below the top of the view: what must stay when messages come in above. */
  private fromEnd: number | null = null;
  private readonly resize = new ResizeObserver(() => {
    if (this.follow) this.scrollTop = this.scrollHeight;
  });

  override firstUpdated(): void {
    this.resize.observe(this.content);
    this.renderRoot.addEventListener('delete-message', () => this.content.focus({ preventScroll: true })); // the button goes away with its message
    this.addEventListener('scroll', () => {
      this.follow = this.scrollHeight - this.scrollTop - this.clientHeight < nearEnd;
      this.showMore();
    }, { passive: true });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.resize.observe(this.content); // it was moved in the page
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resize.disconnect();
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('answering') && this.answering) this.follow = true; // a question was just sent
    if (this.follow && this.shown > mostAtEnd) this.shown = mostAtEnd;
  }

  override async updated(): Promise<void> {
    // Before it is painted.
    await Promise.all([...this.renderRoot.querySelectorAll('windrow-message')].map((message) => (message as LitElement).updateComplete));
    if (this.fromEnd !== null) this.scrollTop = this.scrollHeight - this.fromEnd;
    this.fromEnd = null;
    this.showMore();
  }

  /** Another conversation is shown: from its end on. */
  showEnd(): void {
    this.follow = true;
    this.shown = first;
    this.scrollTop = this.scrollHeight;
  }

  /** Renders some more messages in the next frame, if less than a screen of them is above what one sees. */
  private showMore(): void {
    if (this.shown >= this.messages.length || this.scrollTop > this.clientHeight || (this.follow && this.shown >= mostAtEnd)) return;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.fromEnd = this.follow ? null : this.scrollHeight - this.scrollTop;
      this.shown += step;
    });
  }

  override render(): TemplateResult {
    const last = this.messages.length - 1;
    const from = Math.max(0, this.messages.length - this.shown);
    return html`
      <div class="content" role="log" aria-label="Conversation" aria-live="polite" aria-busy=${this.answering} tabindex="0">
        ${
          last < 0
            ? this.renderWelcome()
            : repeat(
                this.messages.slice(from),
                (_, i) => from + i,
                (message, i) => this.renderMessage(message, from + i, from + i === last),
              )
        }
      </div>
    `;
  }

  private renderMessage(message: Message, at: number, last: boolean): TemplateResult {
    const open = isOpen(this.messages, at) && !(this.answering && last);
    return html`${this.readFrom > 0 && at === this.readFrom ? html`<p class="cut quiet"
      role="note">The model does not read what is above: it is too long together.</p>` : nothing}
      <windrow-message part="message ${message.role}" role="article" class="${message.role} ${last ? 'last' : ''}"
        aria-label=${message.role === 'user' ? 'You' : 'Answer'}
      aria-posinset=${at + 1} aria-setsize=${this.messages.length} .message=${message} .at=${at} ?locked=${this.locked} ?open=${open}
        ?writing=${this.answering && last}></windrow-message>`;
  }

  private renderWelcome(): TemplateResult {
    return html`
      <div class="welcome">
        <slot name="welcome">
          <h2>What would you like to ask?</h2>
          <p class="quiet">${this.server ? `The model is on ${this.server}, where all that you write goes.`
            : 'The model runs on your own GPU. Nothing you write leaves this device.'}</p>
        </slot>
        ${this.suggestions.length === 0 || this.locked ? nothing : html`<div class="suggestions">
          ${this.suggestions.map((text) => html`
            <button @click=${() => this.dispatchEvent(new CustomEvent('suggest', { detail: text }))}>${text}</button>
          `)}
        </div>`}
      </div>
    `;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: block;
        height: 100%;
        overflow-y: auto;
        overscroll-behavior: contain;
        overflow-anchor: none; /* what comes in above is accounted for in updated() */
        scrollbar-gutter: stable both-edges;
      }
      .content {
        display: flex;
        flex-direction: column;
        gap: 0.9rem;
        max-width: calc(var(--reading-width) + 2 * var(--gap));
        min-height: 100%;
        margin: 0 auto;
        padding: 1.5rem var(--gap);
      }
      .content:focus-visible {
        outline-offset: -2px;
      }
      .user {
        align-self: flex-end;
        max-width: 85%;
      }
      .cut {
        padding-top: 0.5rem;
        border-top: 1px dashed var(--line);
        text-align: center;
      }
      .welcome {
        display: grid;
        gap: var(--gap-small);
        margin: auto;
        text-align: center;
      }
      h2 {
        font-size: 1.5rem;
        font-weight: 600;
        line-height: 1.3;
        text-wrap: balance;
      }
      .suggestions {
        display: flex;
        flex-wrap: wrap;
        justify-content: center;
        gap: var(--gap-small);
        margin-top: var(--gap);
      }
    `,
  ];
}
