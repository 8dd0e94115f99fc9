// <windrow-header>: the mark, the model's name and what it is doing. Events: choose-model, new-chat.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from './controls.ts';
import { type LoadStep } from './model-loader.ts';

const words: Record<LoadStep | 'unsupported', string> = {
  looking: 'Starting', choosing: 'No model loaded', loading: 'Loading', ready: 'Ready', unsupported: 'Not available',
};

export class Header extends LitElement {
  @property() name = '';
  @property() step: LoadStep | 'unsupported' = 'looking';
  @property({ type: Boolean }) answering = false;
  @property({ type: Boolean }) started = false;

  override render(): TemplateResult {
    const { name, step } = this;
    const loaded = name !== '';
    return html`
      <header>
        <img src="icon.svg" alt="" width="32" height="32">
        <div class="model">
          <h1>${loaded ? name : 'windrow'}</h1>
          <p class="quiet" role="status">
            <span class="dot ${this.answering ? 'busy' : step}"></span>${this.answering ? 'Answering' : loaded && step === 'choosing' ? 'Ready' : words[step]}
          </p>
        </div>
        ${step === 'ready' && this.started
          ? html`<button class="plain" title="New chat" @click=${() => this.tell('new-chat')}>
              <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path d="M12 5v14M5 12h14" /></svg><span>New chat</span>
            </button>`
          : nothing}
        ${loaded && step !== 'loading' 
          ? html`<button class="plain" @click=${() => this.tell('choose-model')}>${step === 'choosing' ? 'Back to chat' : 'Models'}</button>`
          : nothing}
      </header>
    `;
  }

  private tell(event: string): void {
    this.dispatchEvent(new CustomEvent(event));
  }

  static override styles = [
    controls,
    css`
      header {
        display: flex;
        align-items: center;
        gap: var(--gap-small);
        max-width: calc(var(--reading-width) + 2 * var(--gap));
        margin: 0 auto;
        padding: var(--gap-small) var(--gap);
      }
      :host {
        border-bottom: 1px solid var(--line);
      }
      .model {
        flex: 1;
        min-width: 0;
        margin-left: 0.25rem;
        line-height: 1.3;
      }
      h1 {
        overflow: hidden;
        font-size: 1rem;
        font-weight: 650;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      button {
        padding: 0 0.6rem;
        font-size: var(--text-small);
        white-space: nowrap;
      }
      svg {
        fill: none;
        stroke: currentColor;
        stroke-linecap: round;
        stroke-width: 2;
      }
      @media (max-width: 30rem) {
        button span {
          position: absolute;
          clip-path: inset(50%);
        }
        button {
          min-width: var(--tap);
        }
      }
      .dot {
        display: inline-block;
        width: 0.5rem;
        height: 0.5rem;
        margin-right: 0.4rem;
        border-radius: 50%;
        background: var(--text-quiet);
        opacity: 0.6;
      }
      .dot.ready,
      .dot.busy {
        background: var(--accent);
        opacity: 1;
      }
      .dot.busy,
      .dot.loading {
        animation: breathe 1.4s ease-in-out infinite;
      }
      @keyframes breathe {
        50% {
          opacity: 0.25;
        }
      }
    `,
  ];
}
