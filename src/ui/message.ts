// <windrow-message>: one message, as plain text. What a model writes is only ever set as text, never as markup.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { type Message } from './conversation.ts';

export class MessageElement extends LitElement {
  @property({ attribute: false }) message!: Message;
  @property({ type: Boolean }) writing = false;

  override render(): TemplateResult {
    const { role, content, note } = this.message;
    return html`
      <div class="text ${role} ${this.writing ? 'writing' : ''}" dir="auto">${content}</div>
      ${note ? html`<p class="note">${note}</p>` : nothing}
    `;
  }

  static override styles = css`
    :host {
      display: block;
      min-width: 0;
    }
    .text {
      white-space: pre-wrap;
      overflow-wrap: anywhere;
    }
    .user {
      padding: 0.55rem 1rem;
      border-radius: var(--radius);
      border-end-end-radius: 0.3rem;
      background: var(--bubble);
    }
    .writing::after {
      display: inline-block;
      width: 0.5rem;
      height: 1.05em;
      margin-inline-start: 0.15rem;
      border-radius: 2px;
      background: var(--accent);
      vertical-align: text-bottom;
      content: '';
      animation: blink 1.1s steps(2, jump-none) infinite;
    }
    .note {
      margin: 0.35rem 0 0;
      color: var(--text-quiet);
      font-size: var(--text-small);
      font-variant-numeric: tabular-nums;
    }
    @keyframes blink {
      to {
        opacity: 0.15;
      }
    }
    @media (prefers-reduced-motion: reduce) {
      .writing::after {
        animation: none;
      }
    }
  `;
}
