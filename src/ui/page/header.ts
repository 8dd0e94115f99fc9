// <windrow-header>: the model's name, what it is doing, and the way to everything else. Events: choose-model, new-chat,
// open-chats, open-settings, open-activity.
import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from './controls.ts';
import { headerStyles } from './header-styles.ts';
import { icon } from './icons.ts';
import { type LoadStep } from '../models/model-loader.ts';

const words: Record<LoadStep | 'unsupported', string> = {
  looking: 'Starting', choosing: 'No model loaded', planned: 'No model loaded', loading: 'Loading', ready: 'Ready', unsupported: 'Not available',
};

export class Header extends LitElement {
  @property() name = '';
  @property() step: LoadStep | 'unsupported' = 'looking';
  /** The host of the server that the model is on; '' for this device. */
  @property() server = '';
  @property({ type: Boolean }) answering = false;
  @property({ type: Boolean }) started = false;
  /** The models are shown in place of the chat. */
  @property({ type: Boolean }) models = false;
  /** There is a chat to go back to. */
  @property({ type: Boolean }) back = false;

  override render(): TemplateResult {
    const { name, step } = this;
    const loaded = name !== '';
    const back = this.models && this.back;
    return html`
      <div class="bar">
        <button class="plain icon-button narrow" aria-label="Chats" title="Chats" @click=${() => this.tell('open-chats')}>${icon('menu')}</button>
        <img src="icon.svg" alt="" width="30" height="30">
        <div class="model">
          <h1>${loaded ? name : 'windrow'}</h1>
          <p class="quiet" role="status">
            <span class="dot ${this.answering ? 'busy' : loaded && step !== 'loading' ? 'ready' : step}"></span>${
              this.answering ? 'Answering' : loaded && step !== 'loading' ? 'Ready' : words[step]
            }${this.server === '' ? nothing : html` <span class="away">on ${this.server}</span>`}
          </p>
        </div>
        ${
          this.started && !this.models
            ? html`<button class="plain narrow" title="New chat" @click=${() => this.tell('new-chat')}>${icon('plus')}<span
              class="hidden">New chat</span></button>`
            : nothing
        }
        ${
          loaded && step === 'ready'
            ? html`
              ${this.server === '' ? html`<button class="plain icon-button" aria-label="Activity" title="What the model is doing"
                @click=${() => this.tell('open-activity')}>${icon('pulse')}</button>` : nothing}
              <button class="plain icon-button" aria-label="Chat settings" title="Settings of this chat"
                @click=${() => this.tell('open-settings')}>${icon('sliders')}</button>`
            : nothing
        }
        ${
          back || (!this.models && step !== 'loading' && step !== 'unsupported')
            ? html`<button class="plain" @click=${() => this.tell('choose-model')}>${back ? 'Back to chat' : html`${icon('model')}<span
              class="label">Models</span>`}</button>` // one button, which keeps the focus
            : nothing
        }
      </div>
    `;
  }

  private tell(event: string): void {
    this.dispatchEvent(new CustomEvent(event));
  }

  static override styles = [controls, headerStyles];
}
