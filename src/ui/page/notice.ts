// <windrow-notice>: a short message over the page with one thing to do about it. Events: act, closed.
import { css, html, LitElement, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from './controls.ts';
import { icon } from './icons.ts';

export class Notice extends LitElement {
  @property() text = '';
  @property() action = '';

  override render(): TemplateResult {
    return html`
      <div role="status">
        <span>${this.text}</span>
        <button class="plain" @click=${() => this.dispatchEvent(new CustomEvent('act'))}>${this.action}</button>
        <button class="plain icon-button" aria-label="Close" @click=${() => this.dispatchEvent(new CustomEvent('closed'))}>${icon('close')}</button>
      </div>
    `;
  }

  static override styles = [
    controls,
    css`
      :host {
        position: fixed;
        z-index: 1;
        bottom: 6rem;
        left: 50%;
        transform: translateX(-50%);
      }
      div {
        display: flex;
        align-items: center;
        width: max-content;
        max-width: calc(100vw - 2 * var(--gap));
        padding: 0.15rem 0.25rem 0.15rem 1rem;
        border-radius: var(--radius-small);
        background: var(--text);
        color: var(--page);
        box-shadow: 0 4px 16px rgb(0 0 0 / 18%);
      }
      button.plain,
      button.plain:hover:not(:disabled) {
        background: none;
        color: inherit;
      }
      button:first-of-type {
        font-weight: 650;
        text-decoration: underline;
        text-underline-offset: 0.2em;
      }
    `,
  ];
}
