// <windrow-no-model>: stands where the composer would be while no model is loaded. Event: choose-model.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from '../page/controls.ts';

export class NoModel extends LitElement {
  /** False where the browser has no WebGPU. */
  @property({ attribute: false }) supported = true;
  /** Models on servers are offered. */
  @property({ type: Boolean }) servers = false;

  override render(): TemplateResult {
    const { supported, servers } = this;
    const without = `This browser has no usable WebGPU: chats can be read, ${servers ? 'and gone on with by a model on a server' : 'but not gone on with'}.`;
    const choose = (): boolean => this.dispatchEvent(new CustomEvent('choose-model'));
    return html`
      <p class="quiet">${supported ? 'Load a model to go on with this chat.' : without}</p>
      ${supported || servers ? html`<button class="primary" @click=${choose}>${supported ? 'Choose a model' : 'Use a server'}</button>` : nothing}
    `;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: center;
        gap: var(--gap-small) var(--gap);
        padding: var(--gap);
        border-top: 1px solid var(--line);
      }
    `,
  ];
}
