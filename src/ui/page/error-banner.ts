// <windrow-error-banner>: what went wrong and what to do about it. Events: retry, dismiss.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { adviceFor } from '../models/plan/advice.ts';
import { controls } from './controls.ts';

/** Something to do about an error, besides trying again. */
export interface Way {
  words: string;
  go(): void;
}

export class ErrorBanner extends LitElement {
  @property({ attribute: false }) error!: Error;
  @property({ type: Boolean }) retry = false;
  @property({ attribute: false }) ways: Way[] = [];

  override render(): TemplateResult {
    const advice = adviceFor(this.error);
    return html`
      <div class="banner" role="alert">
        <p>${this.error.message}</p>
        ${advice ? html`<p class="advice">${advice}</p>` : nothing}
        <div class="buttons">
          ${this.ways.map(({ words, go }) => html`<button @click=${go}>${words}</button>`)}
          ${this.retry ? html`<button @click=${() => this.dispatchEvent(new CustomEvent('retry'))}>Try again</button>` : nothing}
          <button @click=${() => this.dispatchEvent(new CustomEvent('dismiss'))}>Dismiss</button>
        </div>
      </div>
    `;
  }

  static override styles = [
    controls,
    css`
      :host {
        padding: var(--gap) var(--gap) 0;
      }
      .banner {
        display: grid;
        gap: var(--gap-small);
        max-width: var(--reading-width);
        max-height: 40dvh;
        margin: 0 auto;
        padding: var(--gap);
        border: 1px solid color-mix(in srgb, var(--danger) 40%, transparent);
        border-radius: var(--radius-small);
        background: var(--danger-surface);
        overflow: auto;
        overflow-wrap: anywhere;
      }
      .advice {
        font-size: var(--text-small);
      }
      p:first-child {
        color: var(--danger);
        font-weight: 500;
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: var(--gap-small);
      }
    `,
  ];
}
