// <windrow-message-list>: the conversation, kept at its end while one reads there. Event: suggest (a first question).
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query } from 'lit/decorators.js';
import { type Message } from './chat.ts';
import { controls } from './controls.ts';

const defaultSuggestions = ['Write a haiku about the sea.', 'Explain why the sky is blue.', 'Plan a simple dinner for two.'];
/** Within this many pixels of the end counts as being there. */
const nearEnd = 64;

export class MessageList extends LitElement {
  @property({ attribute: false }) messages: Message[] = [];
  @property({ attribute: false }) suggestions = defaultSuggestions;
  @property({ type: Boolean }) answering = false;
  /** Nothing can be asked: no model, or an answer is being written. */
  @property({ type: Boolean }) locked = false;
  @query('.content') private content!: HTMLElement;

  private follow = true;
  private readonly resize = new ResizeObserver(() => {
    if (this.follow) this.scrollTop = this.scrollHeight;
  });

  override firstUpdated(): void {
    this.resize.observe(this.content);
    this.addEventListener('scroll', () => {
      this.follow = this.scrollHeight - this.scrollTop - this.clientHeight < nearEnd;
    }, { passive: true });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resize.disconnect();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('answering') && this.answering) this.follow = true; // a question was just sent
  }

  /** Another conversation is shown: from its end on. */
  showEnd(): void {
    this.follow = true;
    this.scrollTop = this.scrollHeight;
  }

  override render(): TemplateResult {
    const last = this.messages.length - 1;
    return html`
      <div class="content" role="log" aria-label="Conversation" aria-live="polite" aria-busy=${this.answering} tabindex="0">
        ${last < 0 ? this.renderWelcome() : this.messages.map((message, i) => html`
          <windrow-message part="message ${message.role}" role="article" class="${message.role} ${i === last ? 'last' : ''}" aria-label=${message.role === 'user' ? 'You' : 'Answer'}
            .message=${message} .at=${i} ?locked=${this.locked} ?writing=${this.answering && i === last}></windrow-message>
        `)}
      </div>
    `;
  }

  private renderWelcome(): TemplateResult {
    return html`
      <div class="welcome">
        <slot name="welcome">
          <h2>What would you like to ask?</h2>
          <p class="quiet">The model runs on your own GPU. Nothing you write leaves this device.</p>
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
      windrow-message {
        content-visibility: auto; /* what is far off the screen is not laid out */
        contain-intrinsic-height: auto 8rem;
      }
      windrow-message.last {
        content-visibility: visible;
      }
      .user {
        align-self: flex-end;
        max-width: 85%;
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
